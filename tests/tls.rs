//! Certificates are verified, always: there is no option against it, and the
//! environment can only name others to trust.

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use common::scripted::json;
use common::{Ran, Scrape, project};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};

const SPEC: &str = r#"version: 1
name: tls
params: { base_url: { type: url, required: true } }
http:
  base_url: "{{ params.base_url }}"
  robots: ignore
  retry: { max_attempts: 2, backoff: { initial: 1ms } }
streams:
  items:
    request: { path: /items }
    pagination: { type: none }
    records: "$.items[*]"
    primary_key: $.id
    map: { key: $.id }
sinks:
  items: { type: jsonl, from: records, path: items.jsonl }
"#;

/// `ca.pem` has signed `server.pem` for 127.0.0.1; nobody else knows of it.
fn file(name: &str) -> PathBuf {
    project().join("tests/tls").join(name)
}

/// A server for https; gives its port, and how many requests it could read.
fn serve() -> (u16, Arc<AtomicU32>) {
    let certificate = CertificateDer::from_pem_file(file("server.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(file("server.key")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a certificate and its key");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let requests = Arc::new(AtomicU32::new(0));
    let count = requests.clone();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let mut session = ServerConnection::new(config.clone()).expect("a session");
            let mut stream = Stream::new(&mut session, &mut socket);
            // Whoever does not trust us goes away.
            if stream.read(&mut [0; 4096]).is_ok_and(|length| length > 0) {
                count.fetch_add(1, SeqCst);
                let _ = stream.write_all(&json("{\"items\":[{\"id\":1}]}"));
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    (port, requests)
}

fn run(base: &str, trusted: Option<&str>) -> Ran {
    let scrape = Scrape::new();
    std::fs::write(scrape.dir().join("spec.yaml"), SPEC).expect("a spec");
    let mut command =
        scrape.command(&["run", "spec.yaml", "--base-url", base, "-r", "0", "-o", "out"]);
    command.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
    command.env("SSL_CERT_FILE", file(trusted.unwrap_or("server.pem")));
    let output = command.output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn only_a_server_whose_certificate_is_good_is_asked() {
    let (port, requests) = serve();
    let base = format!("https://127.0.0.1:{port}");
    // Signed by nobody that is trusted, for another name.
    for (base, trusted, says) in [
        (&base, None, "invalid peer certificate"),
        (&format!("https://localhost:{port}"), Some("ca.pem"), "not valid for name"),
    ] {
        let ran = run(base, trusted).expect(3);
        assert!(ran.stderr.contains("the TLS handshake failed"), "{}", ran.stderr);
        assert!(ran.stderr.contains(says), "{says}: {}", ran.stderr);
        assert_eq!(requests.load(SeqCst), 0);
    }
    run(&base, Some("ca.pem")).expect(0);
    assert_eq!(requests.load(SeqCst), 1);
}
