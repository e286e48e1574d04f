//! Who is asking.

use std::sync::atomic::Ordering;

use crate::config::{Auth, Config};
use crate::http::{Reply, Request};

use super::state::Shared;

/// The caller's name (`anonymous` for nobody), or the reply that turns them away.
pub(super) fn identify(
    shared: &Shared,
    config: &Config,
    request: &Request,
) -> Result<String, Reply> {
    let anonymous = || "anonymous".to_owned();
    let given = match &config.auth {
        Auth::None => return Ok(anonymous()),
        Auth::Header { name, .. } => request.header(&name.to_ascii_lowercase()),
        _ => request.header("authorization"),
    };
    let right = match &config.auth {
        Auth::Basic { user, password } => {
            given == Some(&format!("Basic {}", base64(&format!("{user}:{password}"))))
        }
        Auth::Bearer { token } => given == Some(&format!("Bearer {token}")),
        Auth::Header { value, .. } => given == Some(value),
        Auth::None => true,
    };
    if right {
        shared.failed_logins.store(0, Ordering::Relaxed);
        return Ok(match &config.auth {
            Auth::Basic { user, .. } => user.clone(),
            _ => "standin-user".to_owned(),
        });
    }
    if config.auth_ignored {
        return Ok(anonymous());
    }
    if given.is_none() {
        return Err(Reply::json(
            401,
            r#"{"errorMessages":["You do not have the permission to see the specified issue.","Login Required"],"errors":{}}"#,
        ));
    }
    let failures = shared.failed_logins.fetch_add(1, Ordering::Relaxed) + 1;
    if config.captcha_after.is_some_and(|limit| failures > limit) {
        let login = format!("CAPTCHA_CHALLENGE; login-url={}/login.jsp", config.base_url);
        return Err(Reply::html(
            403,
            "Forbidden (403)",
            "Encountered a \"403 - Forbidden\" error while loading this page.",
        )
        .with("X-Authentication-Denied-Reason", login)
        .with("X-Seraph-LoginReason", "AUTHENTICATION_DENIED"));
    }
    Err(failed())
}

/// The page for wrong credentials.
pub(super) fn failed() -> Reply {
    let reason = "AUTHENTICATED_FAILED";
    let text = format!("Basic Authentication Failure - Reason : {reason}");
    Reply::html(401, "Unauthorized (401)", &text).with("X-Seraph-LoginReason", reason)
}

/// Base64 with padding (RFC 4648, section 4).
fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in text.as_bytes().chunks(3) {
        let bits = group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - group.len()));
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= group.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn encodes_like_the_rfc() {
        for (text, code) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(text), code);
        }
    }
}
