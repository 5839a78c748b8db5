//! The requests to the hub: what it knows of a file, and the file's bytes.

use std::{io::Read, time::Duration};

use anyhow::{Context, Result, anyhow, bail, ensure};
use ureq::{
    Agent, Body,
    http::{Response, StatusCode, header},
    tls::TlsConfig,
};

use super::{cache::is_commit, checksum::is_checksum, settings::Settings};
use crate::recipe::HubName;

/// More redirects than any file needs.
const REDIRECTS: usize = 10;

/// A client of the hub.
pub(super) struct Client<'a> {
    agent: Agent,
    settings: &'a Settings,
}

/// The answer about a file.
pub(super) enum Head {
    Found(Found),
    /// The hub cannot be reached or is overloaded.
    Unreachable(String),
}

/// What the hub knows of a file.
pub(super) struct Found {
    /// The address of the file.
    pub url: String,
    /// The commit that the revision is now.
    pub commit: String,
    /// Its checksum.
    pub etag: String,
    /// Its length \[bytes\].
    pub size: u64,
}

/// The bytes of a file from `start` on.
pub(super) struct Bytes {
    pub start: u64,
    pub reader: Box<dyn Read>,
}

impl<'a> Client<'a> {
    /// A client that goes through the proxy which the environment names.
    pub fn new(settings: &'a Settings) -> Self {
        let config = Agent::config_builder()
            .user_agent(concat!("mindgap/", env!("CARGO_PKG_VERSION")))
            // The size that the hub states is that of the file as it is.
            .accept_encoding("identity")
            .tls_config(TlsConfig::builder().root_certs(settings.certificates.clone()).build())
            .timeout_connect(Some(settings.answer_timeout))
            .timeout_recv_response(Some(settings.answer_timeout))
            .timeout_per_read(Some(settings.read_timeout))
            // Redirects are followed here: what the hub states about a file comes with the redirect to its storage.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .build();
        Self { agent: config.into(), settings }
    }

    /// The address of a file.
    pub fn url(&self, repo: &str, revision: &str, file: &str) -> String {
        format!("{}/{repo}/resolve/{}/{file}", self.settings.endpoint, revision.replace('/', "%2F"))
    }

    /// Asks for what the hub knows of the file at `url`, which belongs to `name`.
    /// Fails if there is no such file, it is not for everybody, or the answer is not a hub's.
    pub fn head(&self, url: &str, name: &HubName) -> Result<Head> {
        let mut url = url.to_owned();
        for _ in 0..REDIRECTS {
            let response = match self.request(&url, true, None) {
                Ok(response) => response,
                Err(error) => return Ok(Head::Unreachable(error.to_string())),
            };
            let status = response.status();
            if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
                return Ok(Head::Unreachable(format!("it answers {status}")));
            }
            ensure!(status.is_success() || status.is_redirection(), self.refusal(&response, name));
            match redirect(&url, &response)? {
                Some(next) if self.is_hub(&next) => url = next,
                _ => return found(url, &response).map(Head::Found),
            }
        }
        bail!("{url} leads to more than {REDIRECTS} redirects");
    }

    /// Asks for the bytes of the file at `url` from `start` on. A server may send it from its beginning all the same.
    /// Fails if the server cannot be reached or answers with an error.
    pub fn get(&self, url: &str, start: u64) -> Result<Bytes> {
        let mut url = url.to_owned();
        for _ in 0..REDIRECTS {
            let response =
                self.request(&url, false, Some(start)).with_context(|| format!("no answer from {}", host(&url)))?;
            if let Some(next) = redirect(&url, &response)? {
                url = next;
                continue;
            }
            let status = response.status();
            ensure!(status.is_success(), "{} answers {status}", host(&url));
            let start = if status == StatusCode::PARTIAL_CONTENT { content_start(&response)? } else { 0 };
            return Ok(Bytes { start, reader: Box::new(response.into_body().into_reader()) });
        }
        bail!("{url} leads to more than {REDIRECTS} redirects");
    }

    fn request(&self, url: &str, is_head: bool, start: Option<u64>) -> Result<Response<Body>, ureq::Error> {
        let mut request = if is_head { self.agent.head(url) } else { self.agent.get(url) };
        if let Some(token) = self.settings.token.as_ref().filter(|_| self.is_hub(url)) {
            // The storage that the hub redirects to must not see it.
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(start) = start.filter(|&start| start > 0) {
            request = request.header(header::RANGE, format!("bytes={start}-"));
        }
        request.call()
    }

    /// Whether `url` is on the hub itself.
    fn is_hub(&self, url: &str) -> bool {
        origin(url) == origin(&self.settings.endpoint)
    }

    /// Why the hub refuses a file, and what to do.
    fn refusal(&self, response: &Response<Body>, name: &HubName) -> String {
        let (status, repo) = (response.status(), &name.repo);
        let revision = name.revision.as_deref().unwrap_or("main");
        let page = format!("{}/{repo}", self.settings.endpoint);
        match (text(response, "x-error-code"), status.as_u16()) {
            (Some("GatedRepo"), _) => {
                format!("{repo} is gated: accept its terms at {page}, and set HF_TOKEN to a token of your account")
            }
            (Some("EntryNotFound"), _) => {
                format!("{repo} has no such file at revision {revision}: see {page}/tree/{revision}")
            }
            (Some("RevisionNotFound"), _) => format!("{repo} has no revision {revision}: see {page}/commits"),
            (Some("RepoNotFound"), _) | (None, 401 | 404) => format!(
                "there is no repository {repo} on {}, or it is private: check the name; a private one needs HF_TOKEN",
                self.settings.endpoint
            ),
            (_, 403) => format!("{repo} is not for the account of HF_TOKEN: see {page}"),
            (Some(code), _) => format!("{page} answers {status}, {code}"),
            (None, _) => format!("{page} answers {status}"),
        }
    }

    /// How long to wait before the next try after `failures` in a row.
    pub fn pause(failures: u32) -> Duration {
        Duration::from_millis(200 << failures.min(6))
    }
}

/// What a response states about the file at `url`.
fn found(url: String, response: &Response<Body>) -> Result<Found> {
    let not_a_hub = || format!("{} answers, but not as a hub does", origin(&url));
    let etag = text(response, "x-linked-etag").or_else(|| text(response, "etag")).unwrap_or_default();
    let etag = etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"').to_owned();
    ensure!(
        is_checksum(&etag),
        "{}: it states no checksum of the file (etag {etag:?}), so that the file could not be verified",
        not_a_hub()
    );
    let commit = text(response, "x-repo-commit").unwrap_or_default().to_owned();
    ensure!(is_commit(&commit), "{}: it states no commit (x-repo-commit {commit:?})", not_a_hub());
    let length = if response.status().is_redirection() { None } else { text(response, "content-length") };
    let size = text(response, "x-linked-size").or(length).and_then(|size| size.parse().ok());
    let size = size.ok_or_else(|| anyhow!("{}: it states no size of the file", not_a_hub()))?;
    Ok(Found { url, commit, etag, size })
}

/// The address that a response redirects to.
/// Fails if it has none, or leads from https to http.
fn redirect(from: &str, response: &Response<Body>) -> Result<Option<String>> {
    if !response.status().is_redirection() {
        return Ok(None);
    }
    let to = text(response, "location").with_context(|| format!("{} redirects to nowhere", host(from)))?;
    let to = if to.starts_with('/') && !to.starts_with("//") { format!("{}{to}", origin(from)) } else { to.to_owned() };
    let is_known = to.starts_with("https://") || to.starts_with("http://");
    ensure!(is_known, "{} redirects to {to:?}, which is no address", host(from));
    ensure!(!from.starts_with("https://") || to.starts_with("https://"), "{} redirects from https to http", host(from));
    Ok(Some(to))
}

/// Where the bytes of a partial response begin.
fn content_start(response: &Response<Body>) -> Result<u64> {
    let range = text(response, "content-range").unwrap_or_default();
    let start =
        range.strip_prefix("bytes ").and_then(|range| range.split('-').next()).and_then(|start| start.parse().ok());
    start.with_context(|| format!("the server sends a part of the file without saying which (content-range {range:?})"))
}

fn text<'a>(response: &'a Response<Body>, header: &str) -> Option<&'a str> {
    response.headers().get(header)?.to_str().ok()
}

/// Scheme, host and port of an address.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let length = url[host..].find('/').unwrap_or(url.len() - host);
    &url[..host + length]
}

/// Host and port of an address. The rest may hold secrets.
fn host(url: &str) -> &str {
    let origin = origin(url);
    origin.split_once("://").map_or(origin, |(_, host)| host)
}
