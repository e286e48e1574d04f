//! A server that answers as it likes, for what no decent server does.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

type Answer = dyn Fn(&str, &mut TcpStream) -> std::io::Result<()> + Send + Sync;

/// Answers each request on a connection of its own, until it is dropped.
pub struct Scripted {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    ended: Arc<AtomicBool>,
}

impl Scripted {
    /// `answer` is given the target of a request (`/search?page=2`) and writes the
    /// whole reply; `/robots.txt` is answered with 404.
    pub fn start(
        answer: impl Fn(&str, &mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let ended = Arc::new(AtomicBool::new(false));
        let answer: Arc<Answer> = Arc::new(answer);
        let (log, end) = (heads.clone(), ended.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if end.load(SeqCst) {
                    return;
                }
                let (answer, log) = (answer.clone(), log.clone());
                std::thread::spawn(move || serve(stream, &*answer, &log));
            }
        });
        Self { address, heads, ended }
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Begins the list of heads anew.
    pub fn forget(&self) {
        self.heads.lock().expect("not poisoned").clear();
    }

    /// The heads of all requests, but for robots.txt.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("not poisoned").clone()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.ended.store(true, SeqCst);
        // Wakes the listener; nobody is there where this fails.
        let _ = TcpStream::connect(self.address);
    }
}

/// Who is answered may go away before the end.
fn serve(mut stream: TcpStream, answer: &Answer, log: &Mutex<Vec<String>>) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    if target.ends_with("/robots.txt") {
        let _ = stream.write_all(&reply("404 Not Found", "", b"none"));
        return;
    }
    log.lock().expect("not poisoned").push(head);
    let _ = answer(&target, &mut stream);
}

/// A whole reply; `headers` are lines that end in `\r\n`.
pub fn reply(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n{headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// A good reply of JSON.
pub fn json(body: impl AsRef<[u8]>) -> Vec<u8> {
    reply("200 OK", "", body.as_ref())
}
