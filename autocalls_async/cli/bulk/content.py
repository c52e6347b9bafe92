"""From the options of a campaign to what it says."""

from pathlib import Path

from attrs import define, field

from autocalls_async.cli.bulk.options import Campaign
from autocalls_async.cli.connection import ask
from autocalls_async.cli.tables.lines import FileError, read_lines
from autocalls_async.cli.terminal.failures import CommandError, os_reason
from autocalls_async.cli.texts.places import (
    has_backslash,
    is_beside_a_sign,
    parse_text_template,
)
from autocalls_async.cli.texts.rendering import (
    ByRow,
    FreeText,
    TemplateText,
    parse_template,
    parse_template_variables,
)
from autocalls_async.cli.texts.variables import check_names
from autocalls_async.model.checks import check_id
from autocalls_async.model.errors import PermissionDeniedError
from autocalls_async.model.listings import Template, find_template


def content_of(campaign: Campaign) -> ByRow:
    """Return what a campaign says.

    Raises:
        AutocallsError: A template's name had to be asked for, and was not told.
        CommandError: A file cannot be read, or the service was out of reach.
        ValueError: The options contradict each other, or a text is malformed.
    """
    _check_options(campaign)
    names = _TemplateNames(campaign)
    fallback = None
    if campaign.fallback_template is not None:
        fallback = parse_template(
            names.id_of(campaign.fallback_template),
            campaign.fallback_var or (),
            option="--fallback-var",
            is_flattened=campaign.flatten,
        )
    pairs = campaign.var or ()
    otherwise: FreeText | TemplateText
    if campaign.template is None:
        otherwise = _free_text(campaign, fallback)
    else:
        template_id = names.id_of(campaign.template)
        otherwise = parse_template(template_id, pairs, is_flattened=campaign.flatten)
    return ByRow(
        otherwise=otherwise,
        variables=parse_template_variables(pairs),
        is_flattened=campaign.flatten,
    )


def _check_options(campaign: Campaign) -> None:
    has_text = campaign.message is not None or campaign.message_file is not None
    is_template = campaign.template is not None
    wrong = {
        "give --message or --message-file, not both": campaign.message is not None
        and campaign.message_file is not None,
        "give --message or --template, not both": has_text and is_template,
        "--fallback-template is for free text: --template may go at any time": (
            is_template and campaign.fallback_template is not None
        ),
        "--fallback-var needs --fallback-template": bool(campaign.fallback_var)
        and campaign.fallback_template is None,
        "--render-column is for texts that come from a column": (
            campaign.render_column and (has_text or is_template)
        ),
    }
    for msg, is_wrong in wrong.items():
        if is_wrong:
            raise ValueError(msg)


def _free_text(campaign: Campaign, fallback: TemplateText | None) -> FreeText:
    text, option = campaign.message, "--message"
    if campaign.message_file is not None:
        text, option = _read_text(campaign), str(campaign.message_file)
    return FreeText(
        None if text is None else parse_text_template(text, option=option),
        fallback,
        column=campaign.text_column,
        is_rendered=campaign.render_column,
    )


def _read_text(campaign: Campaign) -> str:
    """Read a text, whose last line ends are its file's and not its own."""
    path = campaign.message_file or Path()
    try:
        with path.open("rb") as file:
            text = "".join(read_lines(file, encoding=campaign.encoding))
    except OSError as error:
        msg = f"cannot read {path}: {os_reason(error)}"
        raise CommandError(msg) from error
    except FileError as error:
        msg = f"{path}: {error}"
        raise CommandError(msg) from error
    text = text.replace("\r\n", "\n").replace("\r", "\n").rstrip()
    if not text:
        msg = f"{path} holds no text"
        raise ValueError(msg)
    return text


def warnings_of(campaign: Campaign) -> list[str]:
    """Return what to look at in the options themselves."""
    given = {"--message": campaign.message}
    for option, pairs in (
        ("--var", campaign.var),
        ("--fallback-var", campaign.fallback_var),
    ):
        given |= {f"{option} {pair.partition('=')[0]}": pair for pair in pairs or ()}
    texts = [(option, text) for option, text in given.items() if text is not None]
    ends = [
        f"{option} holds a backslash and a letter, and people will get both: for a "
        "line end give --message-file, or $'…\\n…' in bash"
        for option, text in texts
        if has_backslash(text)
    ]
    signs = [
        f"{option} has a sign right before a column's place, as in ${{name}}, and "
        "people will get it"
        for option, text in texts
        if is_beside_a_sign(parse_text_template(text, option=option))
    ]
    return ends + signs


def check_templates(campaign: Campaign, content: ByRow) -> None:
    """Find a variable without a text before the first message meets it.

    Args:
        campaign: Its sender is asked for its templates; a key that may not list them
            may still send.
        content: What it says. Templates that rows name are not looked at.

    Raises:
        AutocallsError: The templates were not told.
        ValueError: One lacks a text for a variable.
    """
    templates = [content.otherwise, getattr(content.otherwise, "fallback", None)]
    used = [one for one in templates if isinstance(one, TemplateText)]
    if not used or campaign.connection.sender_id is None:
        return
    try:
        listed = ask(
            campaign.connection,
            lambda client: client.templates(include_unapproved=True),
        )
    except PermissionDeniedError:
        return
    known = {template.id: template for template in listed}
    for text in used:
        if text.template_id in known:
            check_names(known[text.template_id], text.variables)


@define
class _TemplateNames:
    """Templates by number or name; names are asked for, once."""

    _campaign: Campaign
    _listed: tuple[Template, ...] | None = field(default=None, init=False)

    def id_of(self, template: str) -> int:
        """Return a template's number.

        Raises:
            ValueError: There is none of this name, or several.
        """
        if template.isascii() and template.isdigit():
            return check_id("--template", int(template))
        connection = self._campaign.connection
        if connection.sender_id is None:
            msg = "a template's name is known to its sender: give --sender-id"
            raise ValueError(msg)
        if self._listed is None:
            self._listed = ask(
                connection, lambda client: client.templates(include_unapproved=True)
            )
        found = find_template(
            self._listed,
            template,
            language=self._campaign.language,
            of=f"sender {connection.sender_id}",
        )
        return found.id
