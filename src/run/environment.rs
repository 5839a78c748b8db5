//! `environment.json`: programs, device and data of a run. The recipe decides a run's numbers; programs and device decide
//! their last bits.

use std::{fs, time::SystemTime};

use serde::{Deserialize, Serialize};

use crate::data::{Selection, SplitFolders};

/// The content of `environment.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Programs and device.
    #[serde(flatten)]
    pub versions: Versions,
    /// The processor's name.
    pub cpu: String,
    /// The data that the run was trained on.
    pub data: DataSource,
    /// The values of 16-bit images that became 0 and 255; absent without such images. The recipe holds them too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range_16bit: Option<[u16; 2]>,
    /// The folders of splits that the user named, relative to the data's folder where they lie in it; absent where the
    /// folders' own names were enough.
    #[serde(default, skip_serializing_if = "SplitFolders::is_empty")]
    pub folders: SplitFolders,
    /// What recorded the run, where another training loop trained it; absent in mindgap's own runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorder: Option<Recorder>,
    /// The file that the weights came from; absent where they were initialised at random.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretrained: Option<PretrainedFile>,
    /// The file of the network that teaches this one; absent where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teacher: Option<TeacherFile>,
    /// Epochs of the recipe when the run began; absent where more were never asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_epochs: Option<u32>,
    /// The command, word by word.
    pub command_line: Vec<String>,
    /// When the run began, UTC.
    pub started: String,
    /// Each time the run was resumed, in order.
    #[serde(default)]
    pub resumes: Vec<Resume>,
}

/// Programs and device. Where one of them differs, the last bits of a run may differ.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Versions {
    /// mindgap's version.
    pub mindgap: String,
    /// The version of tch, libtorch's Rust side; absent in recorded runs, which are trained without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tch: Option<String>,
    /// The version of libtorch.
    pub libtorch: String,
    /// The device, as in `cpu` or `cuda:0`.
    pub device: String,
    /// Threads that compute one operation.
    pub threads: usize,
    /// Processes that shared the run; absent for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranks: Option<usize>,
}

/// The data of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DataSource {
    /// Path or name of the data, as the user gave it.
    pub source: String,
    /// Absolute path of the data; absent for generated data. JSON holds text only, so bytes that are not UTF-8 are
    /// replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What of the data was read, with absolute paths; without the folders of splits, which are in
    /// [`Environment::folders`].
    #[serde(flatten)]
    pub selection: Selection,
    /// Hash over classes, labels and pixels, in the order of the images: equal fingerprints, equal data under whatever names.
    pub fingerprint: String,
    /// Hash over the sample ids of train and val, on which the random draws of augmentation depend; absent in runs of versions that did
    /// not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_ids: Option<String>,
    /// Images to train on.
    pub train: usize,
    /// Images of val.
    pub val: usize,
    /// Images of the test split, which training never reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<usize>,
    /// Images of train in the probe.
    pub probe: usize,
    /// Images of val that also appear in train.
    pub val_in_train: usize,
    /// Images of val whose group also has images in train; absent where the images have no groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_leaks: Option<usize>,
    /// Groups of which val has images; absent where the images have no groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_groups: Option<usize>,
    /// Near leaks: images of val with a near-duplicate, but no equal image, in train. Absent where there is none, or they
    /// are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub near_leaks: Option<usize>,
    /// Training images that repeat an earlier one, pixel for pixel; absent in runs of versions that did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surplus_duplicates: Option<usize>,
    /// Groups of equal training images under more than one label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflicting_groups: Option<usize>,
    /// Files left out because they could not be read.
    pub bad_files: usize,
    /// The classes in the order of their numbers.
    pub classes: Vec<String>,
    /// Channels of an image; absent where a recorded run does not state them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<u32>,
    /// Width and height of an image \[pixels\]; absent where a recorded run does not state them, and where they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    /// Mean of the training pixels per channel, scaled to 0–1; empty where a recorded run does not state it.
    #[serde(default)]
    pub mean: Vec<f32>,
    /// Standard deviation of the training pixels per channel, scaled to 0–1; empty where a recorded run does not state it.
    #[serde(default)]
    pub std: Vec<f32>,
}

impl DataSource {
    /// Whether both name the same images in the same splits; where runs validate on different folds, the same data in the same selection.
    pub fn is_same(&self, other: &Self, are_of_one_fold: bool) -> bool {
        if are_of_one_fold {
            return self.fingerprint == other.fingerprint;
        }
        (self.place(), &self.selection, &self.classes) == (other.place(), &other.selection, &other.classes)
    }

    /// What opens the data again: their absolute path where there is one.
    pub fn place(&self) -> &str {
        self.path.as_deref().unwrap_or(&self.source)
    }

    /// Whether `source` names these data.
    pub fn is_at(&self, source: &str) -> bool {
        let own = self.place();
        source == own || matches!((fs::canonicalize(source), fs::canonicalize(own)), (Ok(a), Ok(b)) if a == b)
    }
}

/// What recorded a run that another training loop trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorder {
    /// The package that recorded, with its version, as in `mindgap 0.1.0 (Python 3.11)`.
    pub package: String,
    /// The framework of the training loop, as in `Lightning 2.5`, or `plain loop`.
    pub framework: String,
    /// The class of the network, as in `timm ResNet`.
    pub model: String,
    /// Trainable numbers of the network.
    pub parameters: u64,
}

/// The file of a network that teaches another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeacherFile {
    /// Absolute path of the file.
    pub path: String,
    /// Hash of its bytes, 32 hex digits.
    pub hash: String,
}

/// A file of pretrained weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PretrainedFile {
    /// Absolute path of the file.
    pub path: String,
    /// Its repository on the Hugging Face hub, as in `timm/resnet18.a1_in1k`; absent for a file of the user's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// The commit of the repository, 40 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Hash of its bytes, 32 hex digits.
    pub hash: String,
    /// What was changed to make the weights fit, one sentence each.
    pub notes: Vec<String>,
}

/// One resumption of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resume {
    /// When the run was resumed, UTC.
    pub at: String,
    /// How many epochs had been finished.
    pub after_epoch: u32,
    /// The command, word by word.
    pub command_line: Vec<String>,
    /// Programs and device from there on.
    #[serde(flatten)]
    pub versions: Versions,
}

/// The time now, UTC, as in `2024-05-01T12:30:00Z`. A clock set before 1970 counts as 1970.
pub fn now() -> String {
    // The result is only shown. Nothing computes with it, since a clock may jump.
    humantime::format_rfc3339_seconds(SystemTime::now().max(SystemTime::UNIX_EPOCH)).to_string()
}

impl Environment {
    /// What of the data was read, with the folders of splits.
    pub fn selection(&self) -> Selection {
        Selection { folders: self.folders.clone(), ..self.data.selection.clone() }
    }

    /// When the run began, in seconds since 1970; 0 where `started` cannot be read.
    pub fn began(&self) -> f64 {
        let time = humantime::parse_rfc3339(&self.started).ok();
        let since = time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        since.map_or(0.0, |since| since.as_secs_f64())
    }
}

/// The processor's name on Linux; `unknown` elsewhere.
pub fn cpu_name() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("model name"));
    line.map_or("unknown", |line| line.trim_start_matches([' ', '\t', ':'])).to_string()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An environment with every field in use.
    pub fn environment() -> Environment {
        let versions = Versions {
            mindgap: "0.1.0".into(),
            tch: Some("0.26.0".into()),
            libtorch: "2.13.0".into(),
            device: "cpu".into(),
            threads: 2,
            ranks: None,
        };
        let command_line = vec!["mindgap".to_string(), "train".into(), "--data".into(), "my faces".into()];
        Environment {
            versions: versions.clone(),
            cpu: "A processor".into(),
            data: DataSource {
                source: "my faces".into(),
                path: Some("/data/my faces".into()),
                selection: Selection { exclude: Some("/data/exclude.txt".into()), ..Selection::default() },
                fingerprint: "00ff".into(),
                train: 900,
                val: 100,
                test: Some(50),
                probe: 100,
                val_in_train: 3,
                classes: vec!["anger".into(), "joy".into()],
                channels: Some(1),
                size: Some(48),
                mean: vec![0.5],
                std: vec![0.25],
                ..DataSource::default()
            },
            range_16bit: Some([0, 4095]),
            folders: SplitFolders { train: Some("Training".into()), val: None, test: Some("/data/Testing".into()) },
            recorder: None,
            initial_epochs: None,
            pretrained: Some(PretrainedFile {
                path: "/weights/resnet18.safetensors".into(),
                repo: None,
                commit: None,
                hash: "00ff".into(),
                notes: vec!["the classifier is re-initialised".into()],
            }),
            teacher: Some(TeacherFile { path: "/runs/large/model.pt".into(), hash: "ff00".into() }),
            command_line: command_line.clone(),
            started: "2024-05-01T12:30:00Z".into(),
            resumes: vec![Resume { at: "2024-05-02T12:30:00Z".into(), after_epoch: 7, command_line, versions }],
        }
    }

    #[test]
    fn an_environment_survives_json() {
        let json = serde_json::to_string(&environment()).unwrap();
        assert_eq!(serde_json::from_str::<Environment>(&json).unwrap(), environment());
        // The names and their order are part of the format.
        insta::assert_snapshot!(json, @r#"{"mindgap":"0.1.0","tch":"0.26.0","libtorch":"2.13.0","device":"cpu","threads":2,"cpu":"A processor","data":{"source":"my faces","path":"/data/my faces","exclude":"/data/exclude.txt","fingerprint":"00ff","train":900,"val":100,"test":50,"probe":100,"val_in_train":3,"bad_files":0,"classes":["anger","joy"],"channels":1,"size":48,"mean":[0.5],"std":[0.25]},"range_16bit":[0,4095],"folders":{"train":"Training","test":"/data/Testing"},"pretrained":{"path":"/weights/resnet18.safetensors","hash":"00ff","notes":["the classifier is re-initialised"]},"teacher":{"path":"/runs/large/model.pt","hash":"ff00"},"command_line":["mindgap","train","--data","my faces"],"started":"2024-05-01T12:30:00Z","resumes":[{"at":"2024-05-02T12:30:00Z","after_epoch":7,"command_line":["mindgap","train","--data","my faces"],"mindgap":"0.1.0","tch":"0.26.0","libtorch":"2.13.0","device":"cpu","threads":2}]}"#);
    }

    #[test]
    fn the_environment_of_a_recorded_run_may_leave_out_what_its_loop_does_not_state() {
        let json = r#"{"mindgap": "0.1.0", "libtorch": "2.13.0", "device": "cuda:0", "threads": 8, "cpu": "A processor",
            "recorder": {"package": "mindgap 0.1.0 (Python 3.11)", "framework": "Lightning 2.5", "model": "timm ResNet",
            "parameters": 11173962}, "data": {"source": "CIFAR10", "fingerprint": "py-00ff", "train": 900, "val": 100,
            "probe": 100, "val_in_train": 3, "bad_files": 0, "classes": ["a", "b"], "mean": [], "std": []},
            "command_line": ["train.py"], "started": "2024-05-01T12:30:00Z"}"#;
        let read: Environment = serde_json::from_str(json).unwrap();
        assert_eq!(read.recorder.as_ref().unwrap().parameters, 11_173_962);
        assert_eq!((&read.versions.tch, read.data.size, read.data.mean.len()), (&None, None, 0));
        assert_eq!(read.began(), 1_714_566_600.0);
        let again = serde_json::to_string(&read).unwrap();
        assert!(!again.contains("tch") && !again.contains("channels") && again.contains("\"recorder\""), "{again}");
        assert_eq!(serde_json::from_str::<Environment>(&again).unwrap(), read);
    }

    #[test]
    fn the_time_is_utc_to_the_second() {
        let now = now();
        assert_eq!((now.len(), &now[10..11], &now[19..]), (20, "T", "Z"));
        let past = humantime::parse_rfc3339(&now).unwrap();
        assert!(past.elapsed().unwrap().as_secs() < 60);
    }
}
