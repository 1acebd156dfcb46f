"""Only what the config names is imported, and what breaks the contract is refused by name."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ipfo.errors import PluginError
from ipfo.model import Phase
from ipfo.plugin.registry import Registry, entry_point_of, installed

Install = Callable[..., str]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    """A folder on the path, as site-packages is one; its modules are forgotten afterwards."""
    before = set(sys.modules)
    sys.path.insert(0, str(tmp_path))
    yield tmp_path
    sys.path.remove(str(tmp_path))
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(
            sys.modules[name].__file__
        ):
            del sys.modules[name]


@pytest.fixture
def install(site: Path) -> Install:
    """Installs a distribution of one module, as pip would leave it, and gives its name back."""

    def install(name: str, source: str, *, entry_point: str | None = None) -> str:
        module = name.replace("-", "_")
        (site / f"{module}.py").write_text("from ipfo.plugin import *\n" + source)
        info = site / f"{module}-1.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
        (info / "entry_points.txt").write_text(f"[ipfo]\n{entry_point or name} = {module}\n")
        return entry_point or name

    return install


PAGER = """
class Pager:
    def notify(self, notice): pass

@hookimpl
def ipfo_notifiers():
    return [Offer("pager", Pager, {"type": "object", "properties": {"number": {"type": "string"}}})]
"""


def faults_of(*names: str, site: Path) -> tuple[str, ...]:
    with pytest.raises(PluginError) as caught:
        Registry(names, paths=[str(site)])
    assert caught.value.exit_code == 2
    assert all("\n" not in fault for fault in caught.value.faults)
    return caught.value.faults


def test_what_a_named_plugin_offers_is_found_by_its_name(install: Install, site: Path) -> None:
    registry = Registry([install("ipfo-beeper", PAGER, entry_point="pager")], paths=[str(site)])

    assert list(registry.notifiers()) == ["pager"]
    assert registry.notifiers()["pager"].schema["properties"] == {"number": {"type": "string"}}
    assert registry.offered_by("notifier", "pager") == "pager"
    assert not registry.transports()
    assert not registry.providers()
    assert not registry.importers()
    (described,) = registry.described()
    assert (described.entry_point, described.distribution) == ("pager", "ipfo-beeper")
    assert (described.version, described.hooks) == ("1.5", ("ipfo_notifiers",))
    assert described.offers == (("notifier", "pager"),)
    with pytest.raises(KeyError):
        registry.offered_by("transport", "pager")


def test_an_offer_may_bear_another_name_than_its_entry_point(install: Install, site: Path) -> None:
    registry = Registry([install("ipfo-desk", PAGER, entry_point="desk")], paths=[str(site)])
    assert registry.offered_by("notifier", "pager") == "desk"


def test_what_is_installed_but_not_named_is_not_imported(install: Install, site: Path) -> None:
    install("ipfo-mine", "raise RuntimeError('imported!')")
    install("ipfo-beeper", PAGER, entry_point="pager")

    registry = Registry(["pager"], paths=[str(site)])

    assert "ipfo_mine" not in sys.modules
    assert [each.entry_point for each in registry.described()] == ["pager"]
    assert sorted(installed([str(site)])) == ["ipfo-mine", "pager"]


def test_a_name_given_twice_is_loaded_once(install: Install, site: Path) -> None:
    name = install("pager", PAGER)
    assert len(Registry([name, name], paths=[str(site)]).described()) == 1


def test_without_paths_it_looks_where_python_looks(install: Install) -> None:
    assert list(Registry([install("pager", PAGER)]).notifiers()) == ["pager"]


def test_a_plugin_that_is_not_installed_is_named_with_the_nearest(
    install: Install, site: Path
) -> None:
    install("pager", PAGER)
    (near,) = faults_of("pagr", site=site)
    (far,) = faults_of("xylophone", site=site)
    assert 'plugin "pagr" is not installed' in near
    assert near.endswith('did you mean "pager"?')
    assert far.endswith("pip install it")


def test_two_distributions_with_one_entry_point_are_both_named(
    install: Install, site: Path
) -> None:
    install("ipfo-one", PAGER, entry_point="pager")
    install("ipfo-two", PAGER, entry_point="pager")
    (fault,) = faults_of("pager", site=site)
    assert 'plugin "pager" is offered twice' in fault
    assert "ipfo-one 1.5" in fault
    assert "ipfo-two 1.5" in fault


def test_two_plugins_that_offer_one_name_are_both_named(install: Install, site: Path) -> None:
    names = install("first", PAGER), install("second", PAGER)
    (fault,) = faults_of(*names, site=site)
    assert fault.startswith('plugin "second" (second 1.5) offers the notifier "pager"')
    assert 'which plugin "first" (first 1.5) offers too' in fault


def test_two_entry_points_of_one_module_are_one_plugin_too_many(
    install: Install, site: Path
) -> None:
    install("first", PAGER)
    (site / "first-1.5.dist-info" / "entry_points.txt").write_text(
        "[ipfo]\nfirst = first\nagain = first\n"
    )
    (fault,) = faults_of("first", "again", site=site)
    assert fault.startswith('plugin "again" (first 1.5) is the same module as the plugin "first"')


TRANSPORT = """
@hookimpl
def ipfo_transports():
    return [Offer("a", int, {"type": "object", "properties": PROPERTIES})]
"""

BROKEN = {
    "raises on import": ("1 / 0", "cannot be imported: ZeroDivisionError: division by zero"),
    "exits on import": ("import sys; sys.exit(3)", "cannot be imported: SystemExit: 3"),
    "lines in its error": ('raise ValueError("a\\nb")', "cannot be imported: ValueError: a b"),
    "does nothing": ("x = 1", "implements no hook of ipfo"),
    "misspelt hook": (
        "@hookimpl\ndef ipfo_pre_ack(move): pass",
        'implements "ipfo_pre_ack", which is no hook of ipfo; did you mean "ipfo_pre_acq"?',
    ),
    "unknown argument": (
        "@hookimpl\ndef ipfo_pre_acq(move, mood): pass",
        "wrong arguments: hookimpl definition: ipfo_pre_acq(move, mood)",
    ),
    "unmarked": ("def ipfo_test(move): pass", '"ipfo_test" is not marked with @hookimpl'),
    "async": ("@hookimpl\nasync def ipfo_test(move): pass", 'its hook "ipfo_test" is async'),
    "wrapper": (
        "@hookimpl(wrapper=True)\ndef ipfo_test(move):\n    return (yield)",
        'its hook "ipfo_test" is a wrapper',
    ),
    "hook raises": (
        "@hookimpl\ndef ipfo_notifiers(): raise OSError('no modem')",
        "ipfo_notifiers raised OSError: no modem",
    ),
    "hook exits": ("@hookimpl\ndef ipfo_notifiers(): exit()", "ipfo_notifiers raised SystemExit"),
    "no list": (
        "@hookimpl\ndef ipfo_notifiers(): return Offer('a', int)",
        "ipfo_notifiers must return a list of Offer, not Offer",
    ),
    "no offer": (
        "@hookimpl\ndef ipfo_providers(): return [('a', int)]",
        "ipfo_providers returned tuple where an Offer was expected",
    ),
    "no name": (
        "@hookimpl\ndef ipfo_providers(): return [Offer('two words', int)]",
        "offers 'two words', which is no name",
    ),
    "twice": (
        "@hookimpl\ndef ipfo_providers(): return [Offer('a', int), Offer('a', int)]",
        'it offers the provider "a" twice',
    ),
    "not callable": (
        "@hookimpl\ndef ipfo_importers(): return [Offer('a', 'build')]",
        'the importer "a": build must be callable, not str',
    ),
    "lacks not callable": (
        "@hookimpl\ndef ipfo_checks(): return [Offer('a', int, lacks=['a hammer'])]",
        'the check "a": lacks must be callable, or None, not list',
    ),
    "schema no object": (
        "@hookimpl\ndef ipfo_transports(): return [Offer('a', int, [1])]",
        'the transport "a": its schema must be a JSON Schema object, not list',
    ),
    "schema of a number": (
        "@hookimpl\ndef ipfo_transports(): return [Offer('a', int, {'type': 'number'})]",
        'the transport "a": its schema must have "type": "object" and "properties"',
    ),
    "schema with a set": (
        "PROPERTIES = {'x': {1}}" + TRANSPORT,
        'the transport "a": its schema is not plain JSON',
    ),
    "option no schema": (
        "PROPERTIES = {'x': 1}" + TRANSPORT,
        'the schema of its option "x" must be an object',
    ),
    "option of ours": (
        "PROPERTIES = {'port': {}}" + TRANSPORT,
        'its option "port" has the name of a key of ipfo itself',
    ),
    "misspelt trait": (
        "@hookimpl\ndef ipfo_providers(): return [Offer('a', int, {}, frozenset({'leese'}))]",
        'the provider "a": unknown trait "leese"; did you mean "lease"?',
    ),
    "trait of another kind": (
        "@hookimpl\ndef ipfo_witnesses(): return [Offer('a', int, {}, frozenset({'lease'}))]",
        'the witness "a": unknown trait "lease"',
    ),
    "trait where there are none": (
        "@hookimpl\ndef ipfo_fences(): return [Offer('a', int, {}, frozenset({'vote'}))]",
        'the fence "a": unknown trait "vote"',
    ),
    "options of ours": (
        "PROPERTIES = {'when': {}}" + TRANSPORT.replace("transport", "check"),
        'the check "a": its option "when" has the name of a key of ipfo itself',
    ),
    "traits a list": (
        "@hookimpl\ndef ipfo_providers(): return [Offer('a', int, {}, ['lease'])]",
        'the provider "a": traits must be a frozenset, not list',
    ),
    "phase options": (
        "@hookimpl\ndef ipfo_phase_options(): return 'path'",
        "ipfo_phase_options: its schema must be a JSON Schema object, not str",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_plugin_that_breaks_its_contract_is_refused_with_a_line_that_names_it(
    case: str, install: Install, site: Path
) -> None:
    source, words = BROKEN[case]
    (fault,) = faults_of(install("bad", source), site=site)
    assert fault.startswith('plugin "bad" (bad 1.5)'), fault
    assert words in fault


def test_every_broken_plugin_is_told_at_once(install: Install, site: Path) -> None:
    names = install("bad", "1 / 0"), install("good", PAGER), install("worse", "x = 1")
    assert len(faults_of(*names, site=site)) == 2


def test_one_who_keeps_going_gets_the_good_ones_and_the_faults(
    install: Install, site: Path
) -> None:
    names = install("bad", "1 / 0"), install("good", PAGER)
    registry = Registry(names, paths=[str(site)], keep_going=True)
    assert list(registry.notifiers()) == ["pager"]
    assert list(registry.faults) == ["bad"]


PHASES = """
calls = []

@hookimpl
def ipfo_test(move, say):
    calls.append(("test", move))
    if move == "no":
        raise Veto("not today")

@hookimpl
def ipfo_post_acq(timeout_s): calls.append(("post_acq", timeout_s))

@hookimpl
def ipfo_phase_options(): return {"type": "object", "properties": {"unit": {"type": "string"}}}
"""


def test_phases_are_called_in_one_plugin_with_the_arguments_that_it_names(
    install: Install, site: Path
) -> None:
    names = install("pager", PAGER), install("nginx", PHASES)
    registry = Registry(names, paths=[str(site)])
    arguments = {"options": {}, "timeout_s": 2.5, "say": print}

    registry.call_phase(Phase.TEST, "nginx", move="yes", **arguments)
    registry.call_phase(Phase.POST_ACQ, "nginx", move="yes", **arguments)
    registry.call_phase(Phase.PRE_REL, "nginx", move="yes", **arguments)

    assert sys.modules["nginx"].calls == [("test", "yes"), ("post_acq", 2.5)]
    assert registry.phase_plugins() == ("nginx",)
    assert list(registry.phase_options("nginx")["properties"]) == ["unit"]
    assert registry.phase_options("pager") == {}


def test_what_a_phase_raises_comes_through(install: Install, site: Path) -> None:
    from ipfo.plugin import Veto

    registry = Registry([install("nginx", PHASES)], paths=[str(site)])
    with pytest.raises(Veto, match="not today"):
        registry.call_phase(Phase.TEST, "nginx", move="no", options={}, timeout_s=1, say=print)


def test_phase_plugins_keep_the_order_of_the_config(install: Install, site: Path) -> None:
    install("zeta", PHASES)
    install("alpha", PHASES)
    for order in (("zeta", "alpha"), ("alpha", "zeta")):
        assert Registry(order, paths=[str(site)]).phase_plugins() == order


GUARDS = """
@hookimpl
def ipfo_checks(): return [Offer("tcp", int)]

@hookimpl
def ipfo_witnesses(): return [Offer("tcp", int), Offer("store", int, traits=frozenset({"vote"}))]

@hookimpl
def ipfo_fences(): return [Offer("plug", int)]
"""


def test_checks_witnesses_and_fences_are_offered_side_by_side(install: Install, site: Path) -> None:
    registry = Registry([install("guards", GUARDS)], paths=[str(site)])
    assert list(registry.checks()) == ["tcp"]
    assert {name: offer.traits for name, offer in registry.witnesses().items()} == {
        "tcp": frozenset(),
        "store": frozenset({"vote"}),
    }
    assert list(registry.fences()) == ["plug"]
    assert registry.phase_plugins() == ()


def test_a_name_means_the_entry_point_of_its_kind_before_that_of_its_own_name() -> None:
    known = {"tcp", "check-tcp", "witness-ping"}
    assert entry_point_of("check", "tcp", known) == "check-tcp"
    assert entry_point_of("witness", "tcp", known) == "tcp"
    assert entry_point_of("witness", "ping", known) == "witness-ping"
    assert entry_point_of("fence", "ping", known) is None


def test_who_only_reasserts_takes_part_in_phases(install: Install, site: Path) -> None:
    source = "seen = []\n@hookimpl\ndef ipfo_reassert(move): seen.append(move)"
    registry = Registry([install("dns", source)], paths=[str(site)])
    assert registry.phase_plugins() == ("dns",)
    for phase in Phase:
        registry.call_phase(phase, "dns", move=phase.value, options={}, timeout_s=1, say=print)
    assert sys.modules["dns"].seen == ["reassert"]
