//! The node language: YAML whose texts are templates, with `$each`, `$if` and
//! `$splice`.

use serde_json::Value;

use super::compiler::Compiler;
use super::names::{Attrs, Known};
use crate::plan::{Node, Template};
use crate::spec::decode::Text;
use crate::spec::{Data, Key, Yaml, suggest_hint};

/// The directives, each with the keys that belong to it.
const DIRECTIVES: [(&str, &[&str]); 3] =
    [("$each", &["as", "when", "yield"]), ("$if", &["then", "else"]), ("$splice", &[])];

impl Compiler<'_> {
    /// Compiles a tree whose templates see these names.
    pub(super) fn node(&mut self, yaml: &Yaml, known: &Known) -> Node {
        match &yaml.data {
            Data::Scalar(scalar) if scalar.is_template() => {
                let text = Text { scalar: scalar.clone(), span: yaml.span, sound: true };
                Node::Template(self.template_of(&text, known))
            }
            Data::Scalar(scalar) => {
                self.check_braces(scalar, yaml.span, known);
                Node::Const(scalar.to_json().into())
            }
            Data::List(items) => {
                let nodes: Vec<Node> = items.iter().map(|i| self.node(i, known)).collect();
                match constants(nodes.iter()) {
                    Some(values) => Node::Const(Value::Array(values).into()),
                    None => Node::List(nodes),
                }
            }
            Data::Map(entries) => match entries.iter().find(|(k, _)| k.text.starts_with('$')) {
                Some((key, _)) => self.directive(key, yaml, known),
                None => {
                    let nodes = entries.iter().map(|(k, v)| (k.text.clone(), self.node(v, known)));
                    let nodes: Vec<(String, Node)> = nodes.collect();
                    match constants(nodes.iter().map(|(_, n)| n)) {
                        Some(values) => {
                            let keys = nodes.into_iter().map(|(k, _)| k);
                            Node::Const(Value::Object(keys.zip(values).collect()).into())
                        }
                        None => Node::Object(nodes),
                    }
                }
            },
            Data::Broken => Node::Const(Value::Null.into()),
        }
    }

    fn directive(&mut self, key: &Key, yaml: &Yaml, known: &Known) -> Node {
        let names = DIRECTIVES.map(|(name, _)| name);
        let Some((directive, keys)) = DIRECTIVES.iter().find(|(name, _)| *name == key.text) else {
            self.diagnostics
                .error(key.span, format!("there is no `{}`", key.text))
                .hint(suggest_hint(&key.text, names));
            return Node::Const(Value::Null.into());
        };
        for (other, _) in yaml.entries() {
            if other.text != *directive && !keys.contains(&other.text.as_str()) {
                self.diagnostics
                    .error(other.span, format!("`{}` does not belong to `{directive}`", other.text))
                    .hint(suggest_hint(&other.text, keys.iter().copied()));
            }
        }
        match *directive {
            "$each" => self.each_node(key, yaml, known),
            "$if" => {
                let test = self.expression(yaml, "$if", known);
                let then = self.needed(key, yaml, "then");
                let then =
                    Box::new(then.map_or(Node::Const(Value::Null.into()), |n| self.node(n, known)));
                let otherwise = yaml.get("else").map(|n| Box::new(self.node(n, known)));
                Node::If { test, then, otherwise }
            }
            _ => {
                let inner = yaml.get("$splice").map(|n| self.node(n, known));
                Node::Splice(Box::new(inner.unwrap_or(Node::Const(Value::Null.into()))))
            }
        }
    }

    fn each_node(&mut self, key: &Key, yaml: &Yaml, known: &Known) -> Node {
        let list = self.expression(yaml, "$each", known);
        let var = match self.needed(key, yaml, "as") {
            Some(node) => match node.scalar() {
                Some(name) => {
                    let name_key = Key { text: name.text.clone(), span: node.span };
                    self.identifier(&name_key, "an item");
                    name.text.clone()
                }
                None => {
                    let message = format!("`as` takes a name, not {}", node.describe());
                    self.diagnostics.error(node.name, message);
                    String::new()
                }
            },
            None => String::new(),
        };
        let inner = known
            .clone()
            .with(&format!("{var}_index"), Attrs::Any)
            .with(&var, items_of(&list, known));
        let when = yaml.get("when").map(|_| self.expression(yaml, "when", &inner));
        let body = self.needed(key, yaml, "yield");
        let body = Box::new(body.map_or(Node::Const(Value::Null.into()), |n| self.node(n, &inner)));
        Node::Each { list, var, when, body }
    }

    fn needed<'n>(&mut self, key: &Key, yaml: &'n Yaml, part: &str) -> Option<&'n Yaml> {
        let node = yaml.get(part);
        if node.is_none() {
            let form = match key.text.as_str() {
                "$each" => "{ $each: \"{{ record.comments }}\", as: comment, yield: … }",
                _ => "{ $if: \"{{ … }}\", then: …, else: … }",
            };
            self.diagnostics.error(key.span, format!("`{}` needs `{part}`", key.text)).hint(form);
        }
        node
    }

    /// The template of a key that must be one `{{ … }}`.
    fn expression(&mut self, yaml: &Yaml, key: &str, known: &Known) -> Template {
        let nothing = |yaml: &Yaml| Template::constant(Value::Null, yaml.name);
        let Some(node) = yaml.get(key) else { return nothing(yaml) };
        match node.scalar() {
            Some(scalar) if scalar.is_template() => {
                let text = Text { scalar: scalar.clone(), span: node.span, sound: true };
                self.template_of(&text, known)
            }
            Some(scalar) if matches!(scalar.to_json(), Value::Bool(_)) => {
                Template::constant(scalar.to_json(), node.span)
            }
            Some(scalar) => {
                self.diagnostics
                    .error(node.span, format!("`{key}` takes an expression"))
                    .hint(format!("\"{{{{ {} }}}}\"", scalar.text));
                nothing(node)
            }
            None => {
                if !matches!(node.data, Data::Broken) {
                    let message = format!("`{key}` takes an expression, not {}", node.describe());
                    self.diagnostics.error(node.name, message).hint("\"{{ record.comments }}\"");
                }
                nothing(node)
            }
        }
    }
}

/// The values of nodes that are all constant.
fn constants<'n>(nodes: impl Iterator<Item = &'n Node>) -> Option<Vec<Value>> {
    nodes
        .map(|node| match node {
            Node::Const(value) => Some(value.json().clone()),
            _ => None,
        })
        .collect()
}

/// What is known about the items of `{{ record.comments }}`; filters after it
/// that pass items on are seen through.
pub(super) fn items_of(list: &Template, known: &Known) -> Attrs {
    let source = list.source().trim();
    let inner = source.strip_prefix("{{").and_then(|s| s.strip_suffix("}}"));
    let Some(inner) = inner.map(|s| s.trim_matches('-').trim()) else { return Attrs::Any };
    let mut parts = inner.split('|').map(str::trim);
    let path = parts.next().unwrap_or_default();
    let passes = parts
        .all(|p| super::items::PASSING.contains(&p.split('(').next().unwrap_or_default().trim()));
    let simple = path.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
    match known.attrs(path) {
        Some(attrs) if passes && simple => attrs.items(),
        _ => Attrs::Any,
    }
}
