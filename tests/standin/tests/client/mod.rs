//! A small HTTP client that shows what really came over the wire.
#![allow(dead_code, clippy::unwrap_used)]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use scrape_standin::Standin;
use serde_json::Value;

/// How the reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// As the headers said.
    Whole,
    /// The connection was closed too early.
    Short,
    /// The connection was reset.
    Reset,
}

#[derive(Debug)]
pub(crate) struct Reply {
    /// 0 when no status line came.
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) ending: Ending,
    pub(crate) took: Duration,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }
}

/// Sends one request on a connection of its own.
pub(crate) fn send(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[&str],
    body: &str,
) -> Reply {
    let start = Instant::now();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut request = format!(
        "{method} {target} HTTP/1.1\r\nHost: standin\r\nContent-Length: {}\r\n",
        body.len()
    );
    for header in headers {
        request += &format!("{header}\r\n");
    }
    request += "\r\n";
    request += body;
    stream.write_all(request.as_bytes()).unwrap();
    let mut reply = receive(&mut stream);
    reply.took = start.elapsed();
    reply
}

/// Reads one reply.
pub(crate) fn receive(stream: &mut TcpStream) -> Reply {
    let mut bytes = Vec::new();
    let mut ending = Ending::Short;
    let mut reply =
        Reply { status: 0, headers: Vec::new(), body: Vec::new(), ending, took: Duration::ZERO };
    let mut piece = [0; 64 << 10];
    let mut head_len = None;
    loop {
        if head_len.is_none()
            && let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n")
        {
            head_len = Some(end + 4);
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let mut lines = head.lines();
            reply.status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
            reply.headers = lines
                .map(|l| l.split_once(": ").unwrap())
                .map(|(n, v)| (n.into(), v.into()))
                .collect();
        }
        if let (Some(head), Some(length)) = (head_len, reply.header("content-length"))
            && bytes.len() >= head + length.parse::<usize>().unwrap()
        {
            ending = Ending::Whole;
            bytes.truncate(head + length.parse::<usize>().unwrap());
            break;
        }
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => bytes.extend_from_slice(&piece[..n]),
            Err(e) if e.kind() == ErrorKind::ConnectionReset => {
                ending = Ending::Reset;
                break;
            }
            Err(e) => panic!("{e}"),
        }
    }
    reply.body = head_len.map_or(Vec::new(), |head| bytes[head..].to_vec());
    reply.ending = ending;
    reply
}

/// `GET` below the server's context path.
pub(crate) fn get(standin: &Standin, path: &str) -> Reply {
    send(standin.address(), "GET", &format!("/jira{path}"), &[], "")
}

/// `POST` of JSON from the origin.
pub(crate) fn post(standin: &Standin, path: &str, body: &str) -> Reply {
    send(standin.address(), "POST", path, &["Content-Type: application/json"], body)
}

/// The target of a search, below the context path.
pub(crate) fn search_path(jql: &str, rest: &str) -> String {
    let encoded: String = jql.bytes().map(|b| format!("%{b:02X}")).collect();
    format!("/rest/api/2/search?jql={encoded}{rest}")
}

pub(crate) fn search(standin: &Standin, jql: &str, rest: &str) -> Reply {
    get(standin, &search_path(jql, rest))
}

/// The keys of a search's reply.
pub(crate) fn keys(reply: &Reply) -> Vec<String> {
    reply.json()["issues"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["key"].as_str().unwrap().into())
        .collect()
}

/// The only message of an error body.
pub(crate) fn message(reply: &Reply) -> String {
    let json = reply.json();
    assert_eq!(json["errorMessages"].as_array().unwrap().len(), 1, "{json}");
    json["errorMessages"][0].as_str().unwrap().into()
}
