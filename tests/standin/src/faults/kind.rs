//! The kinds of faults.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::config::ConfigError;

macro_rules! faults {
    ($($variant:ident $name:literal $scope:ident $about:literal;)*) => {
        /// One kind of fault. Faults of a request strike one reply; faults of a record
        /// stay with the record, in whichever reply it stands.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Fault {
            $(#[doc = $about] #[serde(rename = $name)] $variant,)*
        }

        const ALL: &[(Fault, &str, Scope, &str)] =
            &[$((Fault::$variant, $name, Scope::$scope, $about),)*];
    };
}

#[derive(Clone, Copy, PartialEq)]
enum Scope {
    /// One reply; part of the mix.
    Mix,
    /// One reply.
    Reply,
    /// A reply of a search.
    Page,
    /// A record.
    Record,
}

faults! {
    TooMany "429" Mix "429 with Retry-After in seconds.";
    TooManyDate "429-date" Mix "429 with Retry-After as an HTTP date.";
    TooManyText "429-text" Mix "429 without Retry-After, a line of plain text as body.";
    TooManyZero "429-zero" Mix "429 with Retry-After: 0.";
    InternalError "500" Mix "500 with an HTML page.";
    BadGateway "502" Mix "502 with an HTML page.";
    Unavailable "503" Mix "503 with Retry-After and an HTML page.";
    GatewayTimeout "504" Mix "504 with an HTML page.";
    Reset "reset" Mix "The connection is reset before anything is sent.";
    ResetInHeaders "reset-headers" Mix "The connection is reset inside the headers.";
    ResetInBody "reset-body" Mix "The connection is reset inside the body.";
    Truncated "truncated" Mix "The connection ends before Content-Length bytes were sent.";
    ChunkedCut "chunked-cut" Mix "A chunked body ends without its last chunk.";
    Html "html" Mix "200 with an HTML page.";
    Hang "hang" Mix "The reply comes after a pause (`hang`, 2 s unless set).";
    CloseCut "close-cut" Reply "A body without length ends too early.";
    ShortLength "short-length" Reply "Content-Length names half of the body.";
    Drip "drip" Reply "The body comes in small pieces (over `drip`, 2 s unless set).";
    Login "login" Reply "302 to /login.jsp.";
    Redirect "redirect" Reply "302 to the same path at `redirect_to`; without that to itself.";
    Unauthorized "401" Reply "401 as for wrong credentials.";
    WrongEncoding "wrong-encoding" Reply "Content-Encoding: gzip, but the body is plain.";
    Bom "bom" Reply "A byte order mark before the body.";
    DoubleEncoding "double-encoding" Reply "A body packed twice, with a Content-Encoding that names one of them.";
    Bomb "bomb" Reply "A gzip body of about 1 MB that unpacks to 256 MB.";
    HugeHeaders "huge-headers" Reply "Headers of 2 MB.";
    ManyCookies "many-cookies" Reply "Fifty cookies of 1 KB under names that never came before.";
    DeepReply "deep-reply" Reply "A body that is nothing but 200,000 nested arrays.";
    EmptyReply "empty" Reply "200 without a body.";
    RepeatedPage "repeated-page" Page "The page that was sent before, again.";
    EmptyPage "empty-page" Page "No issues although there are more.";
    LargePage "large-page" Page "Ten times as many issues as were asked for.";
    MovingTotal "moving-total" Page "A total that is off by up to three.";
    InvalidUtf8 "invalid-utf8" Record "Bytes in the summary that are not UTF-8.";
    LoneSurrogate "lone-surrogate" Record "Unpaired surrogate escapes in the summary.";
    RawControl "raw-control" Record "Control characters in the summary, not escaped.";
    Nul "nul" Record "An escaped U+0000 and other C0 characters in the summary.";
    WrongTypes "wrong-types" Record "Fields of other types than usual.";
    Nulls "nulls" Record "Every field is null.";
    HugeField "huge-field" Record "A description of 5 MB.";
    DeepNesting "deep-nesting" Record "A field with 1,000 nested arrays.";
    DuplicateKeys "duplicate-keys" Record "A second `summary` in the same object, \"the second\".";
    BigNumbers "big-numbers" Record "Integers above 2^53 and a whole number with a fraction, `customfield_1` to `_3`.";
    OddKeys "odd-keys" Record "Members named `toString`, `__proto__`, `$.x`, and one without a name.";
    BrokenJson "broken-json" Record "A value that is not JSON.";
    Unreadable "unreadable" Record "Replies that hold the whole record are reset, always.";
}

impl Fault {
    /// Every kind.
    pub fn all() -> impl Iterator<Item = Fault> {
        ALL.iter().map(|row| row.0)
    }

    fn row(self) -> &'static (Fault, &'static str, Scope, &'static str) {
        // The table is made from the enum, row by row.
        &ALL[self as usize]
    }

    /// The name used on the command line and in JSON.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// What it does, in a sentence.
    pub fn about(self) -> &'static str {
        self.row().3
    }

    /// Whether it belongs to a record rather than to a reply.
    pub fn is_of_record(self) -> bool {
        self.row().2 == Scope::Record
    }

    /// Whether it only makes sense for a search.
    pub(crate) fn is_of_page(self) -> bool {
        self.row().2 == Scope::Page
    }

    /// The kinds that a mix consists of: all of them go away on another try.
    pub(crate) fn mix() -> Vec<Fault> {
        ALL.iter().filter(|row| row.2 == Scope::Mix).map(|row| row.0).collect()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fault {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Self, ConfigError> {
        Fault::all().find(|f| f.name() == name).ok_or_else(|| {
            let names: Vec<_> = Fault::all().map(Fault::name).collect();
            ConfigError(format!("there is no fault `{name}`; there are {}", names.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for fault in Fault::all() {
            assert_eq!(fault.name().parse::<Fault>().expect("known"), fault);
            assert_eq!(
                serde_json::to_string(&fault).expect("plain"),
                format!("\"{}\"", fault.name())
            );
        }
        assert!("499".parse::<Fault>().is_err());
    }
}
