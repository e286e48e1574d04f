//! `map:`.

use serde_json::Value;

use super::compiler::Compiler;
use super::names::{Attrs, Known};
use crate::plan::{EachSource, FieldPlan, FieldSource, FieldType, MapPlan, ValueTransform};
use crate::spec::decode::{PathText, TemplateText, Text};
use crate::spec::lang::{FieldForm, FieldLong, FieldSpec};
use crate::spec::{Key, Span, quoted, suggest_hint};

impl Compiler<'_> {
    /// `children` are the child lists that `each` may go over; `vars` the names
    /// of the partition.
    pub(super) fn map(
        &mut self,
        fields: &[(Key, FieldSpec)],
        children: &[&str],
        vars: &Known,
        top: bool,
    ) -> MapPlan {
        let fields = fields.iter().map(|(key, field)| {
            self.identifier(key, "a field");
            self.field(key, field, children, vars, top)
        });
        MapPlan { fields: fields.collect() }
    }

    fn field(
        &mut self,
        key: &Key,
        FieldSpec { long, sound }: &FieldSpec,
        children: &[&str],
        vars: &Known,
        top: bool,
    ) -> FieldPlan {
        if *sound {
            self.check_forms(key, long);
        }
        let source = self.source(long, children, vars, top);
        if long.coalesce.as_ref().is_some_and(Vec::is_empty) {
            self.diagnostics.error(key.span, "`coalesce` lists no path");
        }
        if *sound {
            self.check_source(long);
        }
        let default = long.default.as_ref().map(|node| {
            let value = node.to_json();
            if *sound && !fits(&value, long.ty) {
                let message = format!(
                    "the default is not of `type: {}`: {}",
                    long.ty.as_str(),
                    node.describe()
                );
                self.diagnostics.error(node.span, message);
            }
            value
        });
        let transforms = long.transform.0.iter().filter_map(|spec| {
            let plugin = self.value_transform(spec)?;
            Some(ValueTransform { name: spec.kind.0.clone(), plugin })
        });
        let transforms = transforms.collect();
        FieldPlan {
            name: key.text.clone(),
            source,
            ty: long.ty,
            default,
            required: long.required,
            transforms,
        }
    }

    /// That a field has exactly one source, and nothing that contradicts it.
    fn check_forms(&mut self, key: &Key, long: &FieldLong) {
        let name = &key.text;
        let forms = long.forms();
        match forms.as_slice() {
            [_] => {}
            [] => {
                self.diagnostics
                    .error(key.span, format!("the field `{name}` has no source"))
                    .hint("give it a `path`, `coalesce`, `value`, `each` or `const`");
            }
            _ => {
                self.diagnostics
                    .error(key.span, format!("the field `{name}` has several sources"))
                    .hint("keep one of `path`, `coalesce`, `value`, `each` and `const`");
            }
        }
        if long.required && long.default.is_some() {
            self.diagnostics
                .error(key.span, format!("`{name}` is both `required` and has a `default`"))
                .hint("with a default it is never missing: keep one of them");
        }
        match (long.each.is_some(), long.map.0.is_empty()) {
            (false, false) => {
                self.diagnostics
                    .error(key.span, "`map` needs `each`, which selects the items that it maps")
                    .hint("each: \"$.fields.issuelinks[*]\"");
            }
            (true, true) => {
                self.diagnostics
                    .error(key.span, "`each` needs `map`, the fields of each item")
                    .hint("for the items as they are, give `path` instead");
            }
            _ => {}
        }
    }

    /// That a field does not take for a text what was meant otherwise.
    fn check_source(&mut self, long: &FieldLong) {
        if let Some(TemplateText(Text { scalar, span, sound: true })) = &long.value
            && scalar.text.starts_with("$.")
        {
            self.diagnostics
                .error(*span, "`value` makes text by a template; a path goes under `path`")
                .hint(format!("path: {}", scalar.text));
        }
        let constant = long.constant.as_ref().and_then(|node| Some((node.scalar()?, node.span)));
        if let Some((scalar, span)) = constant.filter(|(scalar, _)| scalar.is_template()) {
            self.diagnostics
                .error(span, "`const` is taken as it stands; a template goes under `value`")
                .hint(format!("value: {}", quoted(&scalar.text)));
        }
    }

    fn source(
        &mut self,
        long: &FieldLong,
        children: &[&str],
        vars: &Known,
        top: bool,
    ) -> FieldSource {
        let forms = long.forms();
        match forms.first() {
            Some(FieldForm::Path) => match &long.path {
                Some(path) => FieldSource::Path(self.path(path)),
                None => FieldSource::Const(Value::Null),
            },
            Some(FieldForm::Coalesce) => {
                let paths = long.coalesce.as_deref().unwrap_or_default();
                FieldSource::Coalesce(paths.iter().map(|p| self.path(p)).collect())
            }
            Some(FieldForm::Value) => {
                let known = vars.clone().with("record", Attrs::Any).with("item", Attrs::Any);
                match &long.value {
                    Some(text) => FieldSource::Template(self.template(text, &known)),
                    None => FieldSource::Const(Value::Null),
                }
            }
            Some(FieldForm::Each) => {
                let each = match &long.each {
                    Some(path) => self.each(path, children, top),
                    None => EachSource::Children(String::new()),
                };
                FieldSource::Each { each, map: self.map(&long.map.0, &[], vars, false) }
            }
            Some(FieldForm::Const) => {
                FieldSource::Const(long.constant.as_ref().map_or(Value::Null, |n| n.to_json()))
            }
            None => FieldSource::Const(Value::Null),
        }
    }

    fn each(&mut self, text: &PathText, children: &[&str], top: bool) -> EachSource {
        let source = &text.0.scalar.text;
        let Some(name) = source.strip_prefix("$children") else {
            let path = self.path(text);
            if text.0.sound && !path.is_plural() && source.len() > 1 {
                self.diagnostics
                    .error(path.span(), "`each` selects a single value, not the items of a list")
                    .hint(format!("\"{source}[*]\""));
            }
            return EachSource::Path(path);
        };
        let name = name.trim_start_matches('.');
        let at = text.0.scalar.verbatim.unwrap_or(text.0.span);
        let place = Span { start: at.end - u32::try_from(name.len()).unwrap_or(0), ..at };
        if !top {
            self.diagnostics
                .error(at, "`$children` belongs to the record, not to an item of a list");
        } else if !children.contains(&name) {
            let message = if name.is_empty() {
                String::from("`$children` needs the name of a child list")
            } else {
                format!("the stream has no child list `{name}`")
            };
            let place = if name.is_empty() { at } else { place };
            let hint = suggest_hint(name, children.iter().copied());
            self.diagnostics.error(place, message).hint(hint);
        }
        EachSource::Children(name.to_owned())
    }
}

/// Whether a default is of a type, or can be read as one.
fn fits(value: &Value, ty: FieldType) -> bool {
    match ty {
        FieldType::Int => value.is_i64() || value.is_u64(),
        FieldType::Float => value.is_number(),
        FieldType::Bool => value.is_boolean(),
        FieldType::List => value.is_array(),
        FieldType::Object => value.is_object(),
        FieldType::Datetime | FieldType::Date => value.is_string(),
        FieldType::String => !value.is_array() && !value.is_object(),
        FieldType::Any => true,
    }
}
