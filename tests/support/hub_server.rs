//! A small server on localhost that speaks the Hugging Face hub's protocol, with faults on demand: a hub, and the storage
//! under another address that it redirects large files to.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

/// The only commit of every repository.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    #[default]
    None,
    /// Each transfer of the storage breaks off after so many bytes.
    Tear(usize),
    /// The storage sends whole files only.
    NoRanges,
    /// The storage sends other bytes than the hub states.
    OtherBytes,
    /// The storage sends the first 1,000 bytes of a file and then nothing more, and of a part nothing.
    Silence,
    /// The hub accepts connections and never answers.
    Deaf,
    /// The hub answers with this status and error code.
    Refuse(u16, &'static str),
}

/// A request as the server saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `hub` or `storage`.
    pub host: &'static str,
    pub method: String,
    pub path: String,
    pub range: Option<String>,
    pub token: Option<String>,
}

/// The server. Its threads end with the test's process.
pub struct HubServer {
    shared: Arc<Shared>,
    port: u16,
}

struct Shared {
    /// Files by repository and name.
    files: BTreeMap<String, Vec<u8>>,
    storage: u16,
    fault: Mutex<Fault>,
    requests: Mutex<Vec<Request>>,
}

impl HubServer {
    /// A hub with these files, named as in `timm/resnet18.a1_in1k/config.json`. Files called `model.safetensors` lie in the
    /// storage.
    pub fn with(files: &[(&str, &[u8])]) -> Self {
        let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (hub, storage) = (listen(), listen());
        let files = files.iter().map(|(name, bytes)| (name.to_string(), bytes.to_vec())).collect();
        let shared = Arc::new(Shared {
            files,
            storage: storage.local_addr().unwrap().port(),
            fault: Mutex::default(),
            requests: Mutex::default(),
        });
        let port = hub.local_addr().unwrap().port();
        for (listener, host) in [(hub, "hub"), (storage, "storage")] {
            let shared = shared.clone();
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let shared = shared.clone();
                    // A client that leaves is no fault of the test.
                    thread::spawn(move || shared.answer(host, stream).unwrap_or_default());
                }
            });
        }
        Self { shared, port }
    }

    /// The value of `HF_ENDPOINT`.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Has the server do wrong from here on.
    pub fn set(&self, fault: Fault) {
        *self.shared.fault.lock().unwrap() = fault;
    }

    /// The requests since the last call.
    pub fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut *self.shared.requests.lock().unwrap())
    }
}

impl Shared {
    fn answer(&self, host: &'static str, stream: TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let first = lines.next().transpose()?.unwrap_or_default();
        let mut words = first.split(' ').map(str::to_owned);
        let mut request = Request {
            host,
            method: words.next().unwrap_or_default(),
            path: words.next().unwrap_or_default(),
            range: None,
            token: None,
        };
        for line in lines {
            let line = line?;
            match line.split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("range") => request.range = Some(value.to_owned()),
                Some((name, value)) if name.eq_ignore_ascii_case("authorization") => {
                    request.token = Some(value.to_owned())
                }
                Some(_) => {}
                None => break,
            }
        }
        self.requests.lock().unwrap().push(request.clone());
        let fault = *self.fault.lock().unwrap();
        if host == "hub" { self.hub(&request, fault, stream) } else { self.storage(&request, fault, stream) }
    }

    /// The hub: `/OWNER/NAME/resolve/REVISION/FILE`.
    fn hub(&self, request: &Request, fault: Fault, mut stream: TcpStream) -> std::io::Result<()> {
        match fault {
            Fault::Deaf => thread::sleep(Duration::from_secs(60)),
            Fault::Refuse(status, code) => {
                let code = if code.is_empty() { String::new() } else { format!("X-Error-Code: {code}\r\n") };
                return write!(stream, "HTTP/1.1 {status} No\r\n{code}Content-Length: 0\r\nConnection: close\r\n\r\n");
            }
            _ => {}
        }
        let parts: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
        let [owner, repo, "resolve", revision, file] = parts[..] else {
            return stream.write_all(b"HTTP/1.1 400 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        };
        let name = format!("{owner}/{repo}");
        let code = if !self.files.keys().any(|file| file.starts_with(&format!("{name}/"))) {
            Some((401, "RepoNotFound"))
        } else if !["main", "v1", COMMIT].contains(&revision) {
            Some((404, "RevisionNotFound"))
        } else if !self.files.contains_key(&format!("{name}/{file}")) {
            Some((404, "EntryNotFound"))
        } else {
            None
        };
        if let Some((status, code)) = code {
            return write!(
                stream,
                "HTTP/1.1 {status} No\r\nX-Error-Code: {code}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        }
        let bytes = &self.files[&format!("{name}/{file}")];
        if file == "model.safetensors" {
            let (etag, length) = (hex(digest(&SHA256, bytes).as_ref()), bytes.len());
            return write!(
                stream,
                "HTTP/1.1 302 Found\r\nX-Repo-Commit: {COMMIT}\r\nX-Linked-Etag: \"{etag}\"\r\nX-Linked-Size: {length}\r\n\
                 ETag: \"storage-{length}\"\r\nLocation: http://localhost:{}/{name}/{file}?signature=secret\r\n\
                 Content-Length: 0\r\nConnection: close\r\n\r\n",
                self.storage
            );
        }
        let blob = [format!("blob {}\0", bytes.len()).as_bytes(), bytes].concat();
        let etag = hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, &blob).as_ref());
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nX-Repo-Commit: {COMMIT}\r\nETag: \"{etag}\"\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n",
            bytes.len()
        )?;
        if request.method == "HEAD" { Ok(()) } else { stream.write_all(bytes) }
    }

    /// The storage: the file behind the path.
    fn storage(&self, request: &Request, fault: Fault, mut stream: TcpStream) -> std::io::Result<()> {
        let name = request.path.trim_start_matches('/').split('?').next().unwrap_or_default();
        let mut bytes = self.files[name].clone();
        if fault == Fault::OtherBytes {
            bytes[0] ^= 1;
        }
        let range = request.range.as_deref().filter(|_| fault != Fault::NoRanges);
        let start = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
        let length = bytes.len();
        match start {
            Some(start) => write!(
                stream,
                "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{}/{length}\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n",
                length - 1,
                length - start
            )?,
            None => write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")?,
        }
        let rest = &bytes[start.unwrap_or(0)..];
        match fault {
            Fault::Tear(after) => {
                stream.write_all(&rest[..after.min(rest.len())])?;
                stream.flush()?;
                stream.shutdown(Shutdown::Both)
            }
            Fault::Silence => {
                if start.is_none() {
                    stream.write_all(&rest[..1000])?;
                }
                stream.flush()?;
                thread::sleep(Duration::from_secs(60));
                Ok(())
            }
            _ => stream.write_all(rest),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
