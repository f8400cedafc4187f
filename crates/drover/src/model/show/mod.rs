//! `drover model show`: what a path is.

mod choose;
mod json;
pub(super) mod near;
mod text;

use drover_datamodel::Schema;
use drover_datamodel::schema::{Item, Object, Parameter, Requirement, Row};

use super::terminal::{self, Terminal};
use super::{Include, print_json};
use crate::out::Failure;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
PATH may have instances (Radio.1), aliases (Radio.[cpe-1]), Radio.* or Radio.{i}; the dot at the \
end of an object may be left out. Radio alone is the table, Radio.{i} one of its rows.
Exit codes: 0 shown, 1 there is no such path, 2 bad arguments.

Example: drover model show Device.WiFi.Radio.1.Channel")]
pub(super) struct Arguments {
    /// Path of an object or parameter
    path: String,
    /// Model to look in; without it, the newest shipped model that has the path
    #[arg(short, long, value_name = "MODEL|FILE")]
    model: Option<String>,
    #[command(flatten)]
    include: Include,
    /// Print an object as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let include = &arguments.include.folders;
    let schema = choose::schema(&arguments.path, arguments.model.as_deref(), include)?;
    let item = schema.find(&arguments.path).ok_or_else(|| Failure::failed("no such path"))?;
    let found = Found { schema: &schema, item };
    if arguments.json {
        return print_json(&json::of(&found));
    }
    terminal::print(&text::of(&found, Terminal::of_stdout()))
}

/// What the path is, and where.
struct Found<'s> {
    schema: &'s Schema,
    item: Item<'s>,
}

impl<'s> Found<'s> {
    /// `table`, `row`, `object` or `parameter`.
    fn kind(&self) -> &'static str {
        match self.item {
            Item::Parameter(_) => "parameter",
            Item::Table(_) => "table",
            Item::Object(_, Row::None) => "object",
            Item::Object(..) => "row",
        }
    }

    /// The path as the model has it; of a table, without the instance at the end.
    fn path(&self) -> String {
        match self.item {
            Item::Parameter(parameter) => parameter.path(),
            Item::Object(object, _) => object.path(),
            Item::Table(object) => {
                let path = object.path();
                path.strip_suffix("{i}.").map(str::to_owned).unwrap_or(path)
            }
        }
    }

    /// The profiles that ask for it, and how; not those that only help to define others.
    fn profiles(&self) -> Vec<(&'s str, &'static str)> {
        let mut found = Vec::new();
        for profile in self.schema.profiles().filter(|profile| !profile.is_internal()) {
            let requirements = profile.requirements();
            let asked = requirements.iter(self.schema).find_map(|it| match (it, self.item) {
                (Requirement::Parameter(a, access), Item::Parameter(b)) if a == b => {
                    Some(access.name())
                }
                (Requirement::Object(a, asked), Item::Object(b, _) | Item::Table(b)) if a == b => {
                    Some(asked.name())
                }
                _ => None,
            });
            found.extend(asked.map(|asked| (profile.name(), asked)));
        }
        found
    }
}

/// The parameters that say something about an object, each with what it says.
fn roles<'s>(object: &Object<'s>) -> [(&'static str, Option<Parameter<'s>>); 3] {
    [
        ("num_entries_parameter", object.num_entries_parameter()),
        ("enable_parameter", object.enable_parameter()),
        ("discriminator_parameter", object.discriminator_parameter()),
    ]
}
