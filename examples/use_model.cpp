// Loads a network that mindgap trained, predicts, and trains it further, with libtorch alone.
//
//   T=LIBTORCH   # the folder with include/ and lib/; .libtorch here, or the torch folder of a Python installation
//   c++ -std=c++20 use_model.cpp -o use_model -isystem $T/include -isystem $T/include/torch/csrc/api/include \
//       -L $T/lib -ltorch_cpu -lc10 -Wl,-rpath,$T/lib
//   ./use_model runs/faces-demo/model.pt
//
// It prints the classes, the shape of the predicted probabilities, and ten losses that fall.

#include <torch/script.h>
#include <torch/torch.h>
#include <iostream>

int main(int count, char** words) {
  if (count != 2) {
    std::cerr << "use: use_model MODEL.pt\n";
    return 2;
  }
  torch::jit::ExtraFilesMap files{{"classes.json", ""}, {"mindgap.json", ""}};
  auto model = torch::jit::load(words[1], torch::kCPU, files);
  std::cout << "classes: " << files["classes.json"] << "\n";
  const auto& description = files["mindgap.json"];
  const auto channels = description.find("\"channels\":3") == std::string::npos ? 1 : 3;

  // Images as bytes; normalisation is inside the model.
  torch::manual_seed(0);
  const auto images = torch::randint(0, 256, {5, channels, 48, 48}, torch::kUInt8);
  model.eval();
  const auto probabilities = model.get_method("predict")({images}).toTensor();
  std::cout << "probabilities of 5 images: " << probabilities.sizes() << "\n";

  model.train();
  std::vector<torch::Tensor> parameters;
  for (const auto& parameter : model.parameters()) {
    if (parameter.requires_grad()) parameters.push_back(parameter);
  }
  torch::optim::SGD optimizer(parameters, torch::optim::SGDOptions(0.05));
  const auto labels = torch::arange(5, torch::kLong).remainder(probabilities.size(1));
  for (int step = 0; step < 10; step++) {
    const auto loss = torch::cross_entropy_loss(model.forward({images}).toTensor(), labels);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    std::cout << "loss " << loss.item<float>() << "\n";
  }
}
