//! The language, section by section: what a spec may say.

mod http;
mod map;
mod output;
mod pagination;
mod param;
mod root;
mod stream;
mod trial;

pub use http::{
    Action, AuthKind, AuthSpec, BackoffKind, ConditionSpec, HttpSpec, Jitter, Pause, PreflightSpec,
    ReplyKind, Robots, RuleSpec, StatusPattern, WaitSpec,
};
pub use map::{FieldForm, FieldLong, FieldSpec, FieldType, TransformSpec};
pub use output::{FeedKind, LeakPolicy, SinkSpec, TaskSpec};
pub use pagination::{KeyOrder, OverlaySpec, PaginationSpec, PaginationType};
pub use param::{ParamSpec, ParamType, SecretSpec};
pub use root::Spec;
pub use stream::{ChildSpec, Gone, RequestSpec, StreamSpec, Values};
pub use trial::{CaseSpec, CountsSpec, Number, TrialSpec};
