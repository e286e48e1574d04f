//! The `fields` parameter: which fields of a record are sent.

use std::collections::HashSet;

/// Fields that `*navigable` leaves out.
const NOT_NAVIGABLE: [&str; 3] = ["comment", "worklog", "attachment"];

/// A parsed `fields` parameter.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Fields {
    all: bool,
    navigable: bool,
    named: HashSet<String>,
    left_out: HashSet<String>,
}

impl Fields {
    /// From the items of the parameter (each may be a comma list); nothing means `default`.
    pub(crate) fn parse<'a>(items: impl IntoIterator<Item = &'a str>, default: &str) -> Self {
        let mut fields = Fields::default();
        let mut empty = true;
        let list: Vec<&str> = items.into_iter().flat_map(|i| i.split(',')).map(str::trim).collect();
        for item in list.iter().copied().filter(|i| !i.is_empty()) {
            empty = false;
            match item.strip_prefix('-') {
                Some(name) => _ = fields.left_out.insert(name.to_owned()),
                None if item == "*all" => fields.all = true,
                None if item == "*navigable" => fields.navigable = true,
                None => _ = fields.named.insert(item.to_owned()),
            }
        }
        if empty {
            return Fields::parse([default], default);
        }
        // Only exclusions: they are taken from the default.
        if !fields.all && !fields.navigable && fields.named.is_empty() {
            fields.all = default == "*all";
            fields.navigable = !fields.all;
        }
        fields
    }

    /// Every field, nothing left out.
    pub(crate) fn is_whole(&self) -> bool {
        self.all && self.left_out.is_empty()
    }

    /// Whether a field is sent.
    pub(crate) fn has(&self, name: &str) -> bool {
        let wanted = self.all
            || (self.navigable && !NOT_NAVIGABLE.contains(&name))
            || self.named.contains(name);
        wanted && !self.left_out.contains(name)
    }

    /// Whether only named fields are asked for, none of them long text.
    pub(crate) fn is_light(&self) -> bool {
        !self.all && !self.navigable && !self.has("description") && !self.has("comment")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comment_is_not_navigable() {
        let default = Fields::parse([], "*navigable");
        assert!(default.has("summary") && !default.has("comment"));
        let asked = Fields::parse(["*navigable,comment", "-labels"], "*navigable");
        assert!(asked.has("comment") && !asked.has("labels") && asked.has("summary"));
        assert!(Fields::parse(["*all"], "*navigable").is_whole());
        let named = Fields::parse(["key, updated"], "*navigable");
        assert!(named.is_light() && named.has("updated") && !named.has("summary"));
        assert!(Fields::parse(["-comment"], "*navigable").has("summary"));
    }
}
