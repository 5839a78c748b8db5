//! Weights by name: fetched once, verified, found again without a network, and every trouble on the way told in words.

use std::{fs, path::PathBuf, process::Command};

use crate::support::{
    Finished, Place,
    hub_server::{COMMIT, Fault, HubServer},
    mount::Mount,
    train_words,
};
use mindgap::{
    durable::Archive,
    model::{Architecture, ResNet, weights},
    recipe::{Recipe, Stem},
};
use safetensors::tensor::TensorView;
use tch::Device;

const NAME: &str = "timm/resnet18.small";

/// A `config.json` of timm's form.
fn config(architecture: &str) -> String {
    format!(
        r#"{{"architecture": "{architecture}", "num_classes": 5, "pretrained_cfg": {{"input_size": [3, 64, 64],
            "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]}}}}"#
    )
}

/// A `model.safetensors` as timm's: no metadata but the format. A narrow resnet18 for RGB images and five classes.
fn model() -> Vec<u8> {
    let recipe = Recipe {
        model: "resnet18".into(),
        width: Some(4),
        stem: Some(Stem::Small),
        stem_stride: 2,
        ..Recipe::default()
    };
    let network = ResNet::new(&Architecture::new(&recipe, 3, 5).unwrap(), 1, Device::Cpu);
    let arrays: Vec<_> = network
        .parameters
        .all()
        .iter()
        .map(|parameter| weights::to_array(parameter.name.clone(), &parameter.tensor).unwrap())
        .collect();
    let views = arrays
        .iter()
        .map(|array| (array.name.as_str(), TensorView::new(array.dtype, array.shape.clone(), &array.bytes).unwrap()));
    safetensors::serialize(views, Some([("format".to_owned(), "pt".to_owned())].into())).unwrap()
}

/// A place with images, a hub and a cache of its own.
struct Site {
    place: Place,
    server: HubServer,
    model: Vec<u8>,
}

impl Site {
    fn new() -> Self {
        let model = model();
        let server = HubServer::with(&[
            ("timm/resnet18.small/config.json", config("resnet18").as_bytes()),
            ("timm/resnet18.small/model.safetensors", &model),
            ("timm/resnet18d.small/config.json", config("resnet18d").as_bytes()),
            ("timm/resnet50.small/config.json", config("resnet50").as_bytes()),
            ("other/resnet/config.json", br#"{"architectures": ["ResNetForImageClassification"]}"#),
            ("timm/bare/README.md", b"no weights"),
        ]);
        Self { place: Place::with_images(6, 3), server, model }
    }

    /// A training run of one epoch from `name` into `out`, with more flags, not yet started.
    fn command(&self, name: &str, out: &str, more: &[&str]) -> Command {
        let net = ["--model", "resnet18", "--stem", "small", "--epochs", "1", "--pretrained", name];
        let mut command = self.place.command(&train_words(out, &[&net, more].concat()));
        self.environment(&mut command);
        command
    }

    fn environment(&self, command: &mut Command) {
        for name in ["HF_TOKEN", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"]
        {
            command.env_remove(name).env_remove(name.to_lowercase());
        }
        command.env("HF_HOME", self.place.path("home")).env("HF_ENDPOINT", self.server.endpoint());
        command.env("HF_HUB_DOWNLOAD_TIMEOUT", "1").env("HF_HUB_ETAG_TIMEOUT", "1");
    }

    fn train(&self, name: &str, out: &str, more: &[&str]) -> Finished {
        Finished(self.command(name, out, more).output().unwrap())
    }

    fn offline(&self, name: &str, out: &str) -> Finished {
        Finished(self.command(name, out, &[]).env("HF_HUB_OFFLINE", "1").output().unwrap())
    }

    fn repo(&self) -> PathBuf {
        self.place.path("home/hub/models--timm--resnet18.small")
    }

    /// The names of the blobs in the cache, sorted.
    fn blobs(&self) -> Vec<String> {
        let entries = fs::read_dir(self.repo().join("blobs")).into_iter().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn is_whole(&self) -> bool {
        let path = self.repo().join("snapshots").join(COMMIT).join("model.safetensors");
        fs::read(path).is_ok_and(|bytes| bytes == self.model)
    }
}

#[test]
fn weights_are_fetched_once_and_recorded_with_their_commit() {
    let site = Site::new();
    let token = |command: &mut Command| Finished(command.env("HF_TOKEN", "hf_secret").output().unwrap());
    let said = token(&mut site.command(NAME, "one", &[])).succeed().stderr();
    assert!(said.contains(&format!("weights  {NAME} at commit {COMMIT}")), "{said}");
    assert!(said.contains("fetching model.safetensors, "), "{said}");
    let card = "its config.json: resnet18 with 5 classes, trained on 64x64 pixels with mean 0.500 0.500 0.500, std 0.250 0.250 0.250";
    assert!(said.contains(card) && said.contains("moved from its own normalisation"), "{said}");
    // Python's layout: links from the snapshot to blobs under their checksums, and the branch's commit.
    assert!(site.is_whole());
    let link = fs::read_link(site.repo().join(format!("snapshots/{COMMIT}/model.safetensors"))).unwrap();
    assert_eq!((link.iter().count(), site.blobs().len()), (4, 2));
    assert!(link.starts_with("../../blobs") && link.to_str().unwrap().len() == "../../blobs/".len() + 64);
    assert_eq!(fs::read_to_string(site.repo().join("refs/main")).unwrap(), COMMIT);
    let requests = site.server.requests();
    let [secret, none]: [Vec<_>; 2] =
        ["hub", "storage"].map(|host| requests.iter().filter(|r| r.host == host).collect());
    assert!(secret.iter().all(|request| request.token.as_deref() == Some("Bearer hf_secret")) && !secret.is_empty());
    assert!(none.len() == 1 && none[0].token.is_none(), "the storage must not see the token: {none:?}");

    let environment = fs::read_to_string(site.place.path("one/environment.json")).unwrap();
    let environment: serde_json::Value = serde_json::from_str(&environment).unwrap();
    let file = &environment["pretrained"];
    assert_eq!((&file["repo"], &file["commit"]), (&NAME.into(), &COMMIT.into()));
    assert!(file["path"].as_str().unwrap().ends_with(&format!("snapshots/{COMMIT}/model.safetensors")));
    let recipe = fs::read_to_string(site.place.path("one/recipe.toml")).unwrap();
    assert!(recipe.contains(&format!("pretrained = \"hf-hub:{NAME}@{COMMIT}\"")), "{recipe}");
    // The recipe has the commit, so that repeating the run asks nobody.
    let mut again = site.place.command(&["train", "--data", "data", "--recipe", "one/recipe.toml", "--out", "two"]);
    site.environment(again.args(["--threads", "1", "--device", "cpu"]));
    Finished(again.output().unwrap()).succeed();
    assert_eq!((site.server.requests(), site.place.epochs("one")), (Vec::new(), site.place.epochs("two")));
}

#[test]
fn a_cached_file_needs_no_network_and_a_missing_one_is_told_with_the_way_to_get_it() {
    let site = Site::new();
    let way =
        ["HF_HUB_OFFLINE is set", "config.json", "hf download timm/resnet18.small", "/resolve/main/model.safetensors"];
    site.offline(NAME, "run").refuse(&way);
    assert_eq!(site.server.requests(), []);
    site.train(NAME, "one", &[]).succeed();
    site.server.requests();
    site.offline(NAME, "two").succeed();
    site.offline(&format!("{NAME}@{COMMIT}"), "three").succeed();
    site.offline(&format!("{NAME}@v1"), "four").refuse(&["timm/resnet18.small@v1", "--revision v1"]);
    assert_eq!(site.server.requests(), []);
    assert_eq!(site.place.epochs("one"), site.place.epochs("two"));
    // Not offline, but the hub is gone: what was cached is used and said.
    let gone = |name: &str, out: &str| {
        let mut command = site.command(name, out, &[]);
        Finished(command.env("HF_ENDPOINT", "http://127.0.0.1:9").output().unwrap())
    };
    let said = gone(NAME, "five").succeed().stderr();
    assert!(
        said.contains("cannot be reached") && said.contains(&format!("the cached commit {COMMIT} is used")),
        "{said}"
    );
    gone("timm/resnet34.none", "six").refuse(&["http://127.0.0.1:9 cannot be reached", "HTTPS_PROXY", "hf download"]);
}

#[test]
fn a_torn_transfer_is_resumed_in_the_same_process_and_in_the_next() {
    let site = Site::new();
    let piece = site.model.len() / 3 + 1;
    site.server.set(Fault::Tear(piece));
    site.train(NAME, "one", &[]).succeed();
    let ranges: Vec<_> = site.server.requests().into_iter().filter(|r| r.host == "storage").map(|r| r.range).collect();
    let expected = [None, Some(format!("bytes={piece}-")), Some(format!("bytes={}-", 2 * piece))];
    assert_eq!(ranges, expected);
    assert!(site.is_whole());

    let site = Site::new();
    site.server.set(Fault::Silence);
    let refused = site.train(NAME, "one", &[]);
    refused.refuse(&["model.safetensors", "the transfer failed 5 times in a row", "the next start resumes there"]);
    assert!(!site.is_whole());
    site.server.set(Fault::None);
    site.server.requests();
    site.train(NAME, "one", &[]).succeed();
    let storage = site.server.requests().into_iter().find(|request| request.host == "storage").unwrap();
    assert!(storage.range.is_some() && site.is_whole(), "{storage:?}");
    assert_eq!(site.blobs().len(), 2);
}

#[test]
fn a_storage_without_ranges_sends_the_file_from_its_beginning() {
    let site = Site::new();
    site.train(NAME, "one", &[]).succeed();
    let blob = site.blobs().into_iter().find(|name| name.len() == 64).unwrap();
    let blob = site.repo().join("blobs").join(blob);
    fs::rename(&blob, blob.with_extension("mindgap.incomplete")).unwrap();
    fs::File::options().write(true).open(blob.with_extension("mindgap.incomplete")).unwrap().set_len(1000).unwrap();
    site.server.set(Fault::NoRanges);
    site.train(NAME, "two", &[]).succeed();
    assert!(site.is_whole());
}

#[test]
fn bytes_with_another_checksum_are_not_kept() {
    let site = Site::new();
    site.server.set(Fault::OtherBytes);
    site.train(NAME, "run", &[]).refuse(&["model.safetensors", "the checksum is wrong: the hub states", "not kept"]);
    assert!(!site.is_whole() && site.blobs().iter().all(|name| name.len() == 40), "{:?}", site.blobs());
    assert!(!site.place.path("run").exists());
    site.server.set(Fault::None);
    site.train(NAME, "run", &[]).succeed();
    // The rest of an earlier transfer that is damaged is fetched again; a damaged file in the cache is told.
    let blob = site.repo().join("blobs").join(site.blobs().into_iter().find(|name| name.len() == 64).unwrap());
    let partial = blob.with_extension("mindgap.incomplete");
    fs::write(&partial, &site.model[1..2000]).unwrap();
    fs::remove_file(&blob).unwrap();
    site.train(NAME, "again", &[]).succeed();
    assert!(site.is_whole() && !partial.exists());
    fs::write(&blob, &site.model[1..]).unwrap();
    site.train(NAME, "damaged", &[]).refuse(&["is damaged: delete it", blob.to_str().unwrap()]);
}

#[test]
fn what_the_hub_does_not_have_or_not_give_is_told() {
    let site = Site::new();
    let train = |name: &str| site.train(name, "run", &[]);
    train("timm/none").refuse(&["there is no repository timm/none", "HF_TOKEN"]);
    train(&format!("{NAME}@v2")).refuse(&["timm/resnet18.small has no revision v2"]);
    train("timm/bare").refuse(&["config.json of hf-hub:timm/bare cannot be had", "has no such file"]);
    train("timm/resnet18d.small").refuse(&["the weights are of resnet18d", "set resnet_d = true"]);
    train("timm/resnet50.small").refuse(&["set model = \"resnet50\""]);
    train("other/resnet").refuse(&["config.json is not timm's", "timm/resnet18.a1_in1k"]);
    train("hf-hub:resnet18").refuse(&["hf-hub:OWNER/NAME@REVISION"]);
    train("data/resnet18").refuse(&["./data/resnet18", "hf-hub:data/resnet18"]);
    for (status, code, words) in [
        (401, "GatedRepo", "is gated: accept its terms at"),
        (403, "GatedRepo", "set HF_TOKEN"),
        (401, "", "or it is private"),
        (403, "", "is not for the account of HF_TOKEN"),
        (503, "", "it answers 503"),
        (418, "", "answers 418"),
    ] {
        site.server.set(Fault::Refuse(status, code));
        train(NAME).refuse(&[words]);
    }
    site.server.set(Fault::Deaf);
    train(NAME).refuse(&["cannot be reached (timeout"]);
    assert!(!site.place.path("run").exists() && site.blobs().is_empty());
}

#[test]
fn two_processes_fetch_a_file_once() {
    let site = Site::new();
    let mut running: Vec<_> = ["one", "two"].map(|out| site.command(NAME, out, &[]).spawn().unwrap()).into();
    assert!(running.iter_mut().all(|process| process.wait().unwrap().success()));
    let transfers = site.server.requests().iter().filter(|request| request.host == "storage").count();
    assert_eq!((transfers, site.is_whole()), (1, true));
}

#[test]
fn a_cache_that_can_only_be_read_gives_what_it_has() {
    let site = Site::new();
    site.train(NAME, "one", &[]).succeed();
    let Some(_mount) = Mount::read_only(&site.place.path("home")) else { return };
    site.train(NAME, "two", &[]).succeed();
    site.train(&format!("{NAME}@v1"), "three", &[]).succeed();
    fs::create_dir(site.place.path("empty")).unwrap();
    let Some(_mount) = Mount::read_only(&site.place.path("empty")) else { return };
    let mut command = site.command(NAME, "four", &[]);
    let refused = Finished(command.env("HF_HUB_CACHE", site.place.path("empty")).output().unwrap());
    refused.refuse(&["the cache cannot be written", "HF_HUB_CACHE"]);
}

#[test]
fn a_local_file_wins_over_a_name() {
    let site = Site::new();
    fs::create_dir(site.place.path("timm")).unwrap();
    fs::write(site.place.path("timm/resnet18.small"), &site.model).unwrap();
    site.train(NAME, "run", &[]).succeed();
    assert_eq!(site.server.requests(), []);
    site.train(&format!("hf-hub:{NAME}"), "hub", &[]).succeed();
    assert!(!site.server.requests().is_empty());
}

#[test]
fn a_resumed_run_uses_the_recorded_file() {
    let site = Site::new();
    site.train(NAME, "run", &[]).succeed();
    let epochs = site.place.epochs("run");
    site.server.requests();
    // With a checkpoint nothing is needed; the name without its commit is the same weights.
    let resumed = |more: &[&str]| {
        let words = ["train", "--resume", "--out", "run", "--threads", "1", "--device", "cpu"];
        let mut command = site.place.command(&[&words, more].concat());
        site.environment(command.env("HF_HOME", site.place.path("elsewhere")));
        command.env("HF_HOME", site.place.path("elsewhere"));
        Finished(command.output().unwrap())
    };
    resumed(&["--pretrained", NAME]).succeed();
    for file in ["last.safetensors", "previous.safetensors", "best.safetensors", "done.json"] {
        let _ = fs::remove_file(site.place.path("run").join(file));
    }
    resumed(&[]).succeed();
    assert_eq!((site.place.epochs("run"), site.server.requests()), (epochs, Vec::new()));
    resumed(&["--pretrained", "timm/resnet18.other"]).refuse(&["has another recipe", "pretrained"]);
}

#[test]
fn the_runs_of_a_plan_have_the_same_commit() {
    let site = Site::new();
    let line = "plan --presets seed,weight-decay --seeds 2 --out both --data data --model resnet18 --stem small --width 4 \
                --batch-size 8 --epochs 1 --pretrained";
    let words: Vec<&str> = line.split_whitespace().chain([NAME]).collect();
    let mut command = site.place.command(&words);
    site.environment(&mut command);
    Finished(command.output().unwrap()).succeed();
    let plan = fs::read_to_string(site.place.path("both/plan.jsonl")).unwrap();
    assert_eq!(plan.matches(&format!("hf-hub:{NAME}@{COMMIT}")).count(), 4, "{plan}");
    // config.json once, the weights at its commit once.
    assert_eq!(site.server.requests().iter().filter(|request| request.method == "HEAD").count(), 2);
    assert!(Archive::from_any_safetensors(&site.model).is_ok());
}

#[test]
fn a_proxy_is_used_but_not_for_the_hosts_that_need_none() {
    let site = Site::new();
    let through = |no_proxy: &str, out: &str| {
        let mut command = site.command(NAME, out, &[]);
        Finished(command.env("HTTPS_PROXY", "http://127.0.0.1:9").env("NO_PROXY", no_proxy).output().unwrap())
    };
    through("", "one").refuse(&["cannot be reached", "HTTPS_PROXY"]);
    assert_eq!(site.server.requests(), []);
    through("127.0.0.1,localhost", "two").succeed();
}

/// The folders, files and links below the cache's folder of the repository, with what links lead to.
fn layout(site: &Site) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![site.repo()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(site.repo()).unwrap().display().to_string();
            match fs::read_link(&path) {
                Ok(target) => found.push(format!("{name} -> {}", target.display())),
                Err(_) if path.is_dir() => {
                    // Python keeps lists of files that do not exist and of whole repositories.
                    if !name.starts_with('.') {
                        folders.push(path);
                    }
                }
                Err(_) => found.push(format!("{name}, {} bytes", fs::metadata(&path).unwrap().len())),
            }
        }
    }
    found.sort();
    found
}

#[test]
#[ignore = "needs Python's huggingface_hub: scripts/check-hub runs it"]
fn python_and_mindgap_find_each_others_files() {
    let python = std::env::var("PYTHON").expect("scripts/check-hub sets PYTHON");
    let fetch = |site: &Site, offline: &str| {
        let code = format!(
            "import huggingface_hub as hub\nfor file in ['config.json', 'model.safetensors']:\n    \
             print(hub.hf_hub_download('{NAME}', file))\nprint(hub.__version__)"
        );
        let mut command = Command::new(&python);
        site.environment(command.args(["-c", &code]));
        Finished(command.env("HF_HUB_OFFLINE", offline).output().unwrap()).succeed().stdout()
    };
    let [ours, theirs] = [Site::new(), Site::new()];
    let said = fetch(&theirs, "0");
    println!("huggingface_hub {}", said.lines().last().unwrap());
    assert!(theirs.is_whole());
    theirs.server.requests();
    theirs.offline(NAME, "one").succeed();
    assert_eq!(theirs.server.requests(), []);

    ours.train(NAME, "one", &[]).succeed();
    assert_eq!(layout(&ours), layout(&theirs));
    ours.server.requests();
    let found = fetch(&ours, "1");
    let snapshot = ours.repo().join("snapshots").join(COMMIT);
    let expected = ["config.json", "model.safetensors"].map(|file| snapshot.join(file).display().to_string());
    assert_eq!(found.lines().take(2).collect::<Vec<_>>(), expected);
    assert_eq!(ours.server.requests(), []);
    fetch(&ours, "0");
    let requests = ours.server.requests();
    assert!(requests.iter().all(|request| request.host == "hub"), "something is transferred again: {requests:?}");
}
