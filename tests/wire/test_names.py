"""Names and ids: both ways, and no two alike."""

import itertools

import pytest

from ipfo.model import GroupTerms, Terms
from ipfo.wire import LINKS_MAX, Names
from ipfo.wire.names import short_id


def collision(kind: str) -> tuple[str, str]:
    """Two names of `kind` that have one id; found by trying some 80,000 names."""
    seen: dict[bytes, str] = {}
    for number in itertools.count():
        name = f"{kind}-{number}"
        other = seen.setdefault(short_id(kind, name), name)
        if other != name:
            return other, name
    raise AssertionError


def test_ids_lead_there_and_back() -> None:
    names = Names("www", "alpha", "beta", ("public", "private"), ("web", "mail"))
    assert {names.nodes_by_id[i] for i in names.node_ids.values()} == {"alpha", "beta"}
    assert {names.links_by_id[i] for i in names.link_ids.values()} == {"public", "private"}
    assert {names.groups_by_id[i] for i in names.group_ids.values()} == {"web", "mail"}


def test_both_nodes_have_the_same_ids_in_whatever_order_they_name_things() -> None:
    alpha = Names("www", "alpha", "beta", ("public", "private"), ("web", "mail"))
    beta = Names("www", "beta", "alpha", ("private", "public"), ("mail", "web"))
    assert alpha.pair_id == beta.pair_id
    assert alpha.node_ids == beta.node_ids
    assert alpha.link_ids == beta.link_ids
    assert alpha.group_ids == beta.group_ids


def test_one_name_has_another_id_for_each_kind() -> None:
    names = Names("web", "web", "beta", ("web",), ("web",))
    assert (
        len({names.node_ids["web"], names.link_ids["web"], names.group_ids["web"], names.pair_id})
        == 4
    )


@pytest.mark.parametrize("kind", ["node", "link", "group"])
def test_two_names_with_one_id_are_refused(kind: str) -> None:
    one, two = collision(kind)
    given: dict[str, tuple[str, ...]] = {"node": ("a", "b"), "link": ("l",), "group": ("g",)}
    given[kind] = (one, two)
    with pytest.raises(ValueError, match=f"the {kind}s '{one}' and '{two}' look alike"):
        Names("www", given["node"][0], given["node"][1], given["link"], given["group"])


def test_a_node_cannot_be_its_own_peer() -> None:
    with pytest.raises(ValueError, match="look alike"):
        Names("www", "alpha", "alpha", (), ())


def test_more_links_than_a_heartbeat_has_room_for_are_refused() -> None:
    links = tuple(f"link{n}" for n in range(LINKS_MAX + 1))
    with pytest.raises(ValueError, match="17 links; a heartbeat has room for 16"):
        Names("www", "alpha", "beta", links, ())


def test_the_terms_of_a_pair_have_all_its_names() -> None:
    terms = Terms(
        pair="www",
        node="alpha",
        peer="beta",
        links=("public",),
        groups={"web": GroupTerms("web", "alpha")},
        interval_ns=1,
        takeover_after_ns=3,
        first_claim_after_ns=None,
        lease_s=1,
        boot=1,
    )
    names = Names("www", "alpha", "beta", ("public",), ("web",), stand_for={"web": ()})
    assert Names.of(terms) == names


def test_p1_a_group_of_other_addresses_is_not_the_same_group() -> None:
    """Two configs that differ: who has more addresses under one name must not take it by offer."""
    one = Names("www", "alpha", "beta", (), ("web",), {"web": ("192.0.2.100",)})
    same = Names("www", "beta", "alpha", (), ("web",), {"web": ("192.0.2.100",)})
    more = Names("www", "beta", "alpha", (), ("web",), {"web": ("192.0.2.100", "192.0.2.101")})
    assert one.group_ids == same.group_ids
    assert one.group_ids["web"] not in more.groups_by_id
