//! What is made from the declaration of the command line and of the formats:
//! completions, the manual page, JSON schemas.

use std::io;

use anstream::ColorChoice;
use clap::CommandFactory;
use conclint_report::{CHECK_SCHEMA, EXPLORE_SCHEMA};

use crate::args::{Cli, CompletionsArgs, SchemaArg, SchemaArgs};
use crate::{Failure, exit, output};

/// `conclint completions SHELL`.
pub(crate) fn completions(args: &CompletionsArgs, color: ColorChoice) -> Result<u8, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "conclint", &mut text);
    print(&text, color)
}

/// `conclint man`: one page, the commands after each other.
pub(crate) fn man(color: ColorChoice) -> Result<u8, Failure> {
    let mut command = Cli::command();
    command.build();
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut text)?;
    for sub in command.get_subcommands() {
        write_command("conclint", sub, &mut text)?;
    }
    print(&text, color)
}

/// What a command does and its options, as a section of the page; then the
/// commands below it.
fn write_command(above: &str, command: &clap::Command, out: &mut Vec<u8>) -> io::Result<()> {
    if command.get_name() == "help" {
        return Ok(());
    }
    let name = format!("{above} {}", command.get_name());
    out.extend_from_slice(format!(".SH \"{}\"\n", name.to_uppercase()).as_bytes());
    let man = clap_mangen::Man::new(command.clone());
    man.render_description_section(out)?;
    man.render_options_section(out)?;
    for sub in command.get_subcommands() {
        write_command(&name, sub, out)?;
    }
    Ok(())
}

/// `conclint schema FILE`.
pub(crate) fn schema(args: &SchemaArgs, color: ColorChoice) -> Result<u8, Failure> {
    let text = match args.of {
        SchemaArg::Config => conclint_check::config::SCHEMA,
        SchemaArg::Check => CHECK_SCHEMA,
        SchemaArg::Explore => EXPLORE_SCHEMA,
    };
    print(text.as_bytes(), color)
}

fn print(text: &[u8], color: ColorChoice) -> Result<u8, Failure> {
    output::to_stdout(color, |_, out| out.write_all(text))?;
    Ok(exit::CLEAN)
}
