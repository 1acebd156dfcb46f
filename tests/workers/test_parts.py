"""Who waits for whom: units of one provider share an `addresses` worker, others do not."""

from ipfo.workers.parts import parts


def group(provider: str, unit: str) -> dict[str, str]:
    return {"provider": provider, "unit": unit}


def told(groups: dict[str, dict[str, str]]) -> list[tuple[str, tuple[str, ...]]]:
    return [(part.name, part.units) for part in parts(groups)]


def test_groups_of_one_provider_share_a_worker_and_it_has_the_plain_name() -> None:
    groups = {name: group("ip", name) for name in ("web", "db")}
    assert told(groups) == [("addresses", ("web", "db"))]


def test_another_provider_has_a_worker_of_its_own() -> None:
    groups = {"web": group("ip", "web"), "far": group("cloud", "far"), "db": group("ip", "db")}
    assert told(groups) == [("addresses", ("web", "db")), ("addresses:cloud", ("far",))]


def test_a_unit_of_two_providers_has_them_share_one() -> None:
    groups = {
        "web": group("ip", "web"),
        "far": group("cloud", "far"),
        "mail": group("netlink", "mail"),
        "db": group("ip", "db"),
        "spread": group("cloud", "db"),
    }
    assert told(groups) == [("addresses", ("web", "far", "db")), ("addresses:netlink", ("mail",))]
    assert parts(groups)[0].providers == {"ip", "cloud"}


def test_without_a_group_one_looks_for_what_an_earlier_run_has_left() -> None:
    assert told({}) == [("addresses", ())]
