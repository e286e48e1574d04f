//! The language, section by section: what a spec may say.

mod http;
mod map;
mod output;
mod pagination;
mod param;
mod root;
mod stream;

pub use http::{
    Action, AuthKind, AuthSpec, BackoffKind, ConditionSpec, HttpSpec, Jitter, Pause, PreflightSpec,
    ReplyKind, Robots, RuleSpec, StatusPattern, WaitSpec,
};
pub use map::{FieldForm, FieldLong, FieldSpec, FieldType, TransformSpec};
pub use output::{FeedKind, LeakPolicy, SinkSpec, TaskSpec};
pub use pagination::{GapsSpec, KeyOrder, OverlaySpec, PaginationSpec, PaginationType};
pub use param::{ParamSpec, ParamType, SecretSpec};
pub use root::Spec;
pub use stream::{ChildSpec, Gone, RequestSpec, StreamSpec, Values};
