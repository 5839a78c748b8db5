//! The environment variables of the hub, with Python's names, meanings and defaults.

use std::{env, fs, path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use ureq::tls::{PemItem, RootCerts, parse_pem};

/// What the environment says about the hub and the way to it.
pub(super) struct Settings {
    /// The hub's address, without a slash at its end (`HF_ENDPOINT`).
    pub endpoint: String,
    /// The secret that opens private and gated repositories (`HF_TOKEN`, or the file that `hf auth login` writes).
    pub token: Option<String>,
    /// Whether no request may be made (`HF_HUB_OFFLINE`).
    pub offline: bool,
    /// How long to wait for an answer about a file (`HF_HUB_ETAG_TIMEOUT`).
    pub answer_timeout: Duration,
    /// How long to wait for the next bytes of a file (`HF_HUB_DOWNLOAD_TIMEOUT`).
    pub read_timeout: Duration,
    /// The certificates that vouch for servers: those in the file that `SSL_CERT_FILE` names, else Mozilla's, compiled in.
    pub certificates: RootCerts,
}

impl Settings {
    pub fn from_env() -> Result<Self> {
        let endpoint = set("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".to_owned());
        let is_url = endpoint.starts_with("https://") || endpoint.starts_with("http://");
        ensure!(is_url, "HF_ENDPOINT = {endpoint:?}: expected an address that begins with https:// or http://");
        let offline = set("HF_HUB_OFFLINE").or_else(|| set("TRANSFORMERS_OFFLINE"));
        Ok(Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            token: token(),
            offline: offline.is_some_and(|value| ["1", "ON", "YES", "TRUE"].contains(&value.to_uppercase().as_str())),
            answer_timeout: seconds("HF_HUB_ETAG_TIMEOUT")?,
            read_timeout: seconds("HF_HUB_DOWNLOAD_TIMEOUT")?,
            certificates: certificates()?,
        })
    }
}

/// The value of a variable that is set and not empty.
pub(super) fn set(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The folder of everything that is Hugging Face's (`HF_HOME`), None without a home folder.
pub(super) fn home() -> Option<PathBuf> {
    let cache = || set("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cache")));
    set("HF_HOME").map(expanded).or_else(|| Some(cache()?.join("huggingface")))
}

/// A path with the home folder in place of `~`, as Python expands it.
pub(super) fn expanded(path: String) -> PathBuf {
    match (path.strip_prefix("~/"), env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => path.into(),
    }
}

fn token() -> Option<String> {
    let file = || {
        let path = set("HF_TOKEN_PATH").map(expanded).or_else(|| Some(home()?.join("token")))?;
        fs::read_to_string(path).ok()
    };
    let token = set("HF_TOKEN").or_else(|| set("HUGGING_FACE_HUB_TOKEN")).or_else(file)?;
    Some(token.trim().to_owned()).filter(|token| !token.is_empty())
}

fn seconds(name: &str) -> Result<Duration> {
    let Some(value) = set(name) else { return Ok(Duration::from_secs(10)) };
    let seconds = value.parse().ok().filter(|seconds| (1..=86_400).contains(seconds));
    Ok(Duration::from_secs(seconds.with_context(|| format!("{name} = {value:?}: expected seconds from 1 to 86400"))?))
}

fn certificates() -> Result<RootCerts> {
    let Some(path) = set("SSL_CERT_FILE") else { return Ok(RootCerts::WebPki) };
    let wrong = || format!("SSL_CERT_FILE = {path:?}");
    let text = fs::read(&path).with_context(wrong)?;
    let mut certificates = Vec::new();
    for item in parse_pem(&text) {
        if let PemItem::Certificate(certificate) = item.with_context(wrong)? {
            certificates.push(certificate);
        }
    }
    ensure!(!certificates.is_empty(), "{}: there is no certificate in PEM form in it", wrong());
    Ok(certificates.into())
}
