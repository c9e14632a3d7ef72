"""Generates the files and the parts of pages that list what is in the code: ``make docs``. The test suite compares
each file with ``regenerated``.

A page marks each part with ``<!-- generated: NAME -->`` and ``<!-- end -->``; the text between them is replaced.
``WHOLE`` lists the files that are generated as a whole.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from msgspec import NODEFAULT, UNSET

from daemon.cli import COMMANDS, parser_of
from daemon.cli.examples import EXAMPLES
from daemon.config import shape
from daemon.config.json_schema import json_schema
from daemon.config.profile import Profile, ThinkingForm
from daemon.config.profiles import PROFILES
from daemon.config.schema import DEFAULT_MODELS, Config
from daemon.config.schema_base import Base
from daemon.config.shape import Field, Shape
from daemon.router.failure_words import WORDS
from daemon.router.rest_rules import RULES, SHORT_LONGEST
from daemon.secret import Secret
from daemon.telemetry.failure_cause import OF_KIND, REASONS, Cause
from daemon.telemetry.metric_table import TABLE, Metric
from daemon.telemetry.metrics import MOST_FIELDS
from daemon.telemetry.model_labels import MOST_DISCOVERED, MOST_MODELS
from daemon.telemetry.otel.names import CONVENTIONS, INSTRUMENTS, NAMES
from daemon.telemetry.process_numbers import PROCESS_TABLE
from docs import simulator

PAGES = Path(__file__).resolve().parent
PART = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.S)


def main() -> None:
    for path in files():
        if not path.exists() or path.read_text("utf-8") != regenerated(path):
            path.write_text(regenerated(path), "utf-8")
            print(f"wrote {path.relative_to(PAGES)}")


def files() -> list[Path]:
    """Every page, and every file that is generated whole."""
    return sorted({*PAGES.rglob("*.md"), *(PAGES / name for name in WHOLE)})


def regenerated(page: Path) -> str:
    """The file as it should be. A part of unknown name is an error: ``KeyError``."""
    whole = WHOLE.get(page.name) if page.parent == PAGES else None
    if whole is not None:
        return whole()
    return PART.sub(lambda part: part[1] + PARTS[part[2]]() + part[3], page.read_text("utf-8"))


def configuration() -> str:
    lines = ["| key | default | meaning |", "|---|---|---|"]
    lines += [f"| `{key}` | {default(field)} | {meaning(field)} |" for key, field in leaves(Config)]
    return "\n".join(lines) + "\n"


def leaves(section: type[Base], prefix: str = "") -> Iterator[tuple[str, Field]]:
    """Every key that has a value, dotted, in the order of the schema; list entries as ``providers[].name``."""
    for key, field in shape.fields(section).items():
        inner = entry(field.shape)
        if inner is None:
            yield prefix + key, field
        elif field.shape.kind == "section":
            yield from leaves(inner, f"{prefix}{key}.")
        else:
            yield prefix + key, field
            yield from leaves(inner, f"{prefix}{key}[].")


def entry(described: Shape) -> type[Base] | None:
    """The section that a value is, or that its list entries are."""
    if described.kind in ("list", "models") and described.item is not None:
        return described.item.section
    return described.section


def default(field: Field) -> str:
    """How the default is written in config.yaml; a dash where there is none."""
    value = field.shown
    if value is NODEFAULT or value is UNSET or value is None or isinstance(value, Secret) or value == "":
        return "–"
    if field.shape.kind == "aliases":
        return "`claude-*` → the provider's default model"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return "`[]`"
    if field.shape.kind == "size" and isinstance(value, int):
        return f"`{value // (1024 * 1024)}MiB`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def meaning(field: Field) -> str:
    text = field.description.replace("|", "\\|")
    if field.shape.choices and not all(choice in text for choice in field.shape.choices):
        text += " One of " + ", ".join(f"`{choice}`" for choice in field.shape.choices if choice) + "."
    return text + (" *(restart needed)*" if field.restart else "")


def schema() -> str:
    """What ``tppcd schema`` prints."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def metrics() -> str:
    rows = [f"| `{each.name}` | {each.kind} | {labels(each)} | {each.help} |" for each in (*TABLE, *PROCESS_TABLE)]
    return "\n".join(["| metric | type | labels | meaning |", "|---|---|---|---|", *rows]) + "\n"


def alerts() -> str:
    """Of ``docs/monitoring/alerts.yaml``."""
    groups = yaml.safe_load((PAGES / "monitoring/alerts.yaml").read_text("utf-8"))["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    return table(
        ("alert", "severity", "what has happened", "for"),
        ((f"`{rule['alert']}`", rule["labels"]["severity"], happened(rule), rule.get("for", "–")) for rule in rules),
    )


def happened(rule: Mapping[str, Any]) -> str:
    """Without the labels that an alert fills in."""
    summary: str = rule["annotations"]["summary"]
    return summary.replace(" on {{ $labels.instance }}", "").replace("{{ $labels.name }}", "`NAME`")


def labels(metric: Metric) -> str:
    return ", ".join(f"`{label}`" for label in metric.labels)


def otel_conventions() -> str:
    return f"{CONVENTIONS}.\n"


def otel_attributes() -> str:
    rows = [(f"`{name}`", place, text) for name, (place, text) in NAMES.items()]
    return table(("attribute", "of the", "meaning"), rows)


def otel_metrics() -> str:
    rows = [
        (f"`{each.name}`", each.kind, f"`{each.unit}`", each.help, ", ".join(f"`{name}`" for name in each.attributes))
        for each in INSTRUMENTS
    ]
    return table(("metric", "type", "unit", "meaning", "attributes"), rows)


def metric_bounds() -> str:
    return (
        "Labels that clients can influence are bounded. A model that the configuration names always has series of its\n"
        f"own. Beside these there is room for {MOST_DISCOVERED} pairs of provider and model that upstreams list, for "
        f"{MOST_MODELS} that clients\nask for by a prefix, and for {MOST_FIELDS} lost fields; the rest is counted "
        "under `other`.\n"
    )


def failure_reasons() -> str:
    rows = [(f"`{reason}`", meaning, f"`{cause}`") for reason, (meaning, cause) in REASONS.items()]
    return table(("`reason`", "meaning", "`cause`"), rows)


def failure_causes() -> str:
    kinds = {cause: [kind for kind, of in OF_KIND.items() if of is cause] for cause in Cause}
    reasons = {cause: [reason for reason, (_, of) in REASONS.items() if of is cause] for cause in Cause}
    rows = [(f"`{cause}`", words(kinds[cause]), words(reasons[cause])) for cause in Cause]
    return table(("`cause`", "`error` of an upstream", "`reason`"), rows)


def models() -> str:
    return ", ".join(f"`{model.name}`" for model in DEFAULT_MODELS) + "\n"


def commands() -> str:
    """One section for each command: what it does, its arguments with their help."""
    return "\n".join(command(name, summary) for name, summary in COMMANDS.items())


def command(name: str, summary: str) -> str:
    parser = parser_of(name)
    rows = [f"| {spelled(action)} | {help_of(action, parser)} |" for action in parser._actions if action.dest != "help"]
    listed = ["| argument | meaning |", "|---|---|", *rows, ""] if rows else []
    what = f"{summary[0].upper()}{summary[1:]}. {parser.description or ''}".strip()
    return "\n".join([f"## tppcd {name}", "", what, "", *listed, "```sh", *example_lines(name), "```", ""])


def example_lines(name: str) -> list[str]:
    """Each example with what it is for as a comment behind it."""
    widest = max(len(example) for example, _ in EXAMPLES[name])
    return [f"{example:<{widest}}  # {meaning}" for example, meaning in EXAMPLES[name]]


def spelled(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{action.metavar or action.dest}`"
    value = "" if action.nargs == 0 else f" {action.metavar or '|'.join(action.choices or ()) or action.dest.upper()}"
    return ", ".join(f"`{option}{value}`".replace("|", "\\|") for option in action.option_strings)


def help_of(action: argparse.Action, parser: argparse.ArgumentParser) -> str:
    return str((action.help or "") % {**vars(action), "prog": parser.prog}).replace("|", "\\|")


def rest_rules() -> str:
    lines = ["| failure | rests | for | `GET /models` ends it |", "|---|---|---|---|"]
    reach = {"auth": "the key", "model": "this model of the key", "family": "the key, for this kind of client"}
    for kind, rule in RULES.items():
        time = f"{rule.seconds:g} s" if rule.seconds < 120 else f"{rule.seconds / 60:g} min"
        doubling = f", doubling to {SHORT_LONGEST:g} s" if rule.doubles else ""
        what, heals = f"{WORDS[kind]} (`{kind.value}`)", "yes" if rule.heals else ""
        lines.append(f"| {what} | {reach[rule.reach]} | {time}{doubling} | {heals} |")
    return "\n".join(lines) + "\n"


def known_by() -> str:
    return table(
        ("profile", "make", "`wire-api`", "known by"),
        (
            (f"`{each.name}`", each.title, words(each.wires), "; ".join(recognition(each)) or "`profile:` alone")
            for each in PROFILES.values()
        ),
    )


def recognition(profile: Profile) -> Iterator[str]:
    for ways, values in (
        ("host", profile.hosts),
        ("path", profile.paths),
        ("`owned_by`", profile.owners),
        ("`server`", profile.servers),
    ):
        if values:
            yield f"{ways} {words(values)}"


def changed_by() -> str:
    return table(
        ("profile", "thinking is switched by", "and shown in", "left out", "amendments from the start"),
        (
            (
                f"`{each.name}`",
                SWITCHES[each.thinking],
                each.shows,
                "; ".join(f"{wire}: {words(names)}" for wire, names in each.unsupported.items()) or "–",
                words(f"{rule} {argument}".strip() for rule, argument in each.amendments) or "–",
            )
            for each in PROFILES.values()
        ),
    )


SWITCHES: dict[ThinkingForm, str] = {
    "": "–",
    "reasoning_effort": "`reasoning_effort`",
    "thinking": "`thinking.type` (`enabled`, `disabled`), `reasoning_effort`",
    "adaptive thinking": "`thinking.type` (`adaptive`, `disabled`)",
    "enable_thinking": "`enable_thinking`, `thinking_budget`",
    "chat_template_kwargs": "`chat_template_kwargs` (`enable_thinking`, `thinking`), `reasoning_effort`",
    "reasoning": "`reasoning` (`enabled`, `effort`)",
}


def presets() -> str:
    return table(
        ("profile", "`base-url`", "key", "a model"),
        (
            (
                f"`{each.name}`",
                ", ".join(f"{wire}: `{url}`" for wire, url in each.preset.base_urls.items()),
                f"`{each.preset.key}`" if each.preset.key else "–",
                f"`{each.preset.model}`",
            )
            for each in PROFILES.values()
        ),
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = f"|{'---|' * len(head)}\n"
    return f"| {' | '.join(head)} |\n{rule}" + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def words(each: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in each)


PARTS: dict[str, Callable[[], str]] = {
    "configuration": configuration,
    "models": models,
    "commands": commands,
    "metrics": metrics,
    "metric-bounds": metric_bounds,
    "alerts": alerts,
    "otel-conventions": otel_conventions,
    "otel-attributes": otel_attributes,
    "otel-metrics": otel_metrics,
    "failure-reasons": failure_reasons,
    "failure-causes": failure_causes,
    "rest-rules": rest_rules,
    "profiles-known-by": known_by,
    "profiles-changed-by": changed_by,
    "profiles-presets": presets,
    "simulator-faults": lambda: table(("fault", "what happens"), simulator.faults()),
    "simulator-makes": lambda: table(("profile", "API", "address", "models"), simulator.makes()),
    "simulator-refusals": lambda: table(("profile", "API", "refuses"), simulator.refusals()),
    "simulator-answers": lambda: table(
        ("profile", "API", "id of a call", "thoughts", "what else"), simulator.answers()
    ),
}
ANSWERS = ("profile", "API", "id of a call", "thoughts", "what else")
WHOLE: dict[str, Callable[[], str]] = {"config.schema.json": schema}


if __name__ == "__main__":
    main()
