//! Convolution, batch norm and the linear classifier, initialised as torchvision's ResNets are.

use tch::Tensor;

use super::{
    batch_share::DropoutDraws,
    blur_pool::blur_pool,
    parameters::{Parameters, Role},
    spec::ConvSpec,
    sync_norm::sync_norm,
};
use crate::{
    random::Stream,
    torch::{self, BatchStatistics, Collective, norm_relu, norm_relu_takes},
};

/// How a forward pass treats what differs between training and evaluation.
#[derive(Clone, Debug)]
pub enum Mode {
    /// Training: batch norm uses the batch's statistics and updates its running statistics; dropout, drop-path and
    /// DropBlock draw.
    Train(DropoutDraws),
    /// A second pass over a batch with the draws of the first: like `Train`, but running statistics are not updated.
    Repeat(DropoutDraws),
    /// Batch norm uses the batch's statistics and moves its running statistics towards them by this share; nothing is
    /// dropped.
    Estimate(f64),
    /// Batch norm uses its running statistics; nothing is random.
    Eval,
}

impl Mode {
    /// The draws of dropout, drop-path and DropBlock, in the modes that drop.
    pub(super) fn draws(&mut self) -> Option<&mut DropoutDraws> {
        match self {
            Mode::Train(draws) | Mode::Repeat(draws) => Some(draws),
            Mode::Estimate(_) | Mode::Eval => None,
        }
    }

    /// The processes over whose rows batch norm takes its statistics; `None` where it takes them over this process's
    /// rows.
    fn sync_norm_over(&self) -> Option<&dyn Collective> {
        match self {
            Mode::Train(draws) | Mode::Repeat(draws) => draws.share.as_ref()?.norm.as_deref(),
            Mode::Estimate(_) | Mode::Eval => None,
        }
    }

    /// Whether batch norm uses the batch's statistics, and the share by which it updates its running statistics, if it
    /// does.
    fn statistics(&self) -> (bool, Option<f64>) {
        match self {
            Mode::Train(_) => (true, Some(0.1)),
            Mode::Repeat(_) => (true, None),
            Mode::Estimate(share) => (true, Some(*share)),
            Mode::Eval => (false, Some(0.0)),
        }
    }
}

/// Registers the tensors of layers under a dotted path.
pub(super) struct Builder<'a> {
    pub parameters: &'a mut Parameters,
    pub path: String,
    pub seed: u64,
}

impl Builder<'_> {
    /// A builder one level deeper: `layer1` then `0` gives `layer1.0`.
    pub fn at(&mut self, name: impl std::fmt::Display) -> Builder<'_> {
        let path = if self.path.is_empty() { name.to_string() } else { format!("{}.{name}", self.path) };
        Builder { parameters: self.parameters, path, seed: self.seed }
    }

    /// Registers the tensor `leaf`, whose numbers are drawn one by one by `value`.
    pub fn add(&mut self, leaf: &str, shape: &[i64], role: Role, value: impl FnMut(&mut Stream) -> f64) -> Tensor {
        self.parameters.add(format!("{}.{leaf}", self.path), shape, role, self.seed, value)
    }
}

/// A square convolution without bias, padded so that stride 1 keeps the size.
#[derive(Debug)]
struct Conv {
    weight: Tensor,
    stride: i64,
    padding: i64,
}

impl Conv {
    /// Draws weights from a normal distribution with variance 2 / (outputs × kernel²): He et al. 2015, fan-out, as in
    /// torchvision.
    fn new(builder: &mut Builder, inputs: i64, outputs: i64, kernel: i64, stride: i64) -> Self {
        let deviation = (2.0 / (outputs * kernel * kernel) as f64).sqrt();
        let shape = [outputs, inputs, kernel, kernel];
        let weight = builder.add("weight", &shape, Role::Weight, |draws| deviation * draws.normal());
        Self { weight, stride, padding: kernel / 2 }
    }

    /// `[n, inputs, h, w]` to `[n, outputs, ⌈h/stride⌉, ⌈w/stride⌉]`.
    fn forward(&self, x: &Tensor) -> Tensor {
        torch::conv2d(x, &self.weight, self.stride, self.padding)
    }
}

/// Added to the variance by batch norm.
const EPSILON: f64 = 1e-5;

/// Batch normalisation over `[n, c, h, w]` (Ioffe and Szegedy 2015), momentum 0.1, epsilon 1e-5.
#[derive(Debug)]
struct BatchNorm {
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
}

impl BatchNorm {
    /// Scale `scale` (1, or 0 for the last norm of a block under zero-init), shift 0.
    fn new(builder: &mut Builder, channels: i64, scale: f64) -> Self {
        let mut add = |leaf, role, value: f64| builder.add(leaf, &[channels], role, |_| value);
        Self {
            weight: add("weight", Role::NormOrBias, scale),
            bias: add("bias", Role::NormOrBias, 0.0),
            running_mean: add("running_mean", Role::Buffer, 0.0),
            running_var: add("running_var", Role::Buffer, 1.0),
        }
    }

    /// The arguments of the fused operator, where it can compute this norm.
    fn fused(&self, x: &Tensor, mode: &Mode) -> Option<BatchStatistics<'_>> {
        let (of_batch, share) = mode.statistics();
        (of_batch && mode.sync_norm_over().is_none() && norm_relu_takes(x)).then(|| self.by_batch(share))
    }

    /// The arguments of a norm by the batch's statistics that updates running statistics by `share`, if at all.
    fn by_batch(&self, share: Option<f64>) -> BatchStatistics<'_> {
        BatchStatistics {
            weight: &self.weight,
            bias: &self.bias,
            running: share.map(|_| (&self.running_mean, &self.running_var)),
            momentum: share.unwrap_or(0.0),
            epsilon: EPSILON,
        }
    }

    /// The norm by libtorch's operator, or over several processes.
    fn plain(&self, x: &Tensor, mode: &Mode) -> Tensor {
        let (weight, bias) = (Some(&self.weight), Some(&self.bias));
        let (of_batch, share) = mode.statistics();
        if let Some(processes) = mode.sync_norm_over() {
            return sync_norm(x, self.by_batch(share), processes);
        }
        let (mean, var) = (share.map(|_| &self.running_mean), share.map(|_| &self.running_var));
        x.batch_norm(weight, bias, mean, var, of_batch, share.unwrap_or(0.0), EPSILON, true)
    }

    /// In evaluation the norm is a linear map of each channel. Returns its slope and its shift, `[c]` each.
    fn linear_map(&self) -> (Tensor, Tensor) {
        let slope = &self.weight / (&self.running_var + EPSILON).sqrt();
        let shift = &self.bias - &self.running_mean * &slope;
        (slope, shift)
    }
}

/// A convolution followed by a batch norm. In evaluation the norm is folded into the convolution's weights.
#[derive(Debug)]
pub(super) struct ConvNorm {
    conv: Conv,
    norm: BatchNorm,
    /// Whether a blur of stride 2 follows after ReLU.
    blur: bool,
}

impl ConvNorm {
    /// The layers of `spec`; the norm has the scale `scale`.
    pub fn new(builder: &mut Builder, spec: &ConvSpec, scale: f64) -> Self {
        let conv = Conv::new(&mut builder.at(&spec.conv), spec.inputs, spec.outputs, spec.kernel, spec.stride);
        let norm = BatchNorm::new(&mut builder.at(&spec.norm), spec.outputs, scale);
        Self { conv, norm, blur: spec.blur }
    }

    /// norm(conv(x)).
    pub fn forward(&self, x: &Tensor, mode: &Mode) -> Tensor {
        self.compute(x, None, false, mode)
    }

    /// relu(norm(conv(x))), blurred to half the size where that follows.
    pub fn forward_relu(&self, x: &Tensor, mode: &Mode) -> Tensor {
        let y = self.compute(x, None, true, mode);
        if self.blur { blur_pool(&y) } else { y }
    }

    /// relu(norm(conv(x)) + skip).
    pub fn forward_add_relu(&self, x: &Tensor, skip: &Tensor, mode: &Mode) -> Tensor {
        self.compute(x, Some(skip), true, mode)
    }

    /// norm(conv(x)), plus the skip if there is one, then ReLU if `relu`.
    fn compute(&self, x: &Tensor, skip: Option<&Tensor>, relu: bool, mode: &Mode) -> Tensor {
        let mut y = if let Mode::Eval = mode {
            self.folded(x)
        } else {
            let x = self.conv.forward(x);
            if let Some(norm) = self.norm.fused(&x, mode) {
                return norm_relu(&x, skip, norm, relu);
            }
            self.norm.plain(&x, mode)
        };
        // The addition and ReLU work in place: a norm's backward pass needs its input, not its output.
        if let Some(skip) = skip {
            y = y.g_add_(skip);
        }
        if relu { y.relu_() } else { y }
    }

    /// norm(conv(x)) in evaluation, as one convolution.
    fn folded(&self, x: &Tensor) -> Tensor {
        let Conv { weight, stride, padding } = &self.conv;
        let (slope, shift) = self.norm.linear_map();
        let weight = torch::preferred_layout(&(weight * slope.view([-1, 1, 1, 1])));
        x.conv2d(&weight, Some(shift), [*stride; 2], [*padding; 2], [1, 1], 1)
    }
}

/// The classifier: `[n, inputs]` to `[n, outputs]`.
#[derive(Debug)]
pub(super) struct Linear {
    /// `[outputs, inputs]`
    pub weight: Tensor,
    bias: Tensor,
}

impl Linear {
    /// Draws weights and bias uniformly from ±1/√inputs, PyTorch's default.
    pub fn new(builder: &mut Builder, inputs: i64, outputs: i64) -> Self {
        let bound = 1.0 / (inputs as f64).sqrt();
        let mut add = |leaf, shape: &[i64], role| builder.add(leaf, shape, role, |draws| draws.range(-bound, bound));
        Self {
            weight: add("weight", &[outputs, inputs], Role::Weight),
            bias: add("bias", &[outputs], Role::NormOrBias),
        }
    }

    /// `[n, inputs]` to `[n, outputs]`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        x.linear(&self.weight, Some(&self.bias))
    }
}
