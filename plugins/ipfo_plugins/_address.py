"""The address of one host, as text. No names: resolving one can hang where a network is dead."""

from ipaddress import IPv4Address, IPv6Address, ip_address

OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
"""One of the four numbers of an IPv4 address, as a pattern."""

ADDRESS = {
    "type": "string",
    "pattern": r"^[0-9A-Fa-f:.]+(%[^\s/%]{1,15})?$",
    "x-wanted": "an IP address, such as 192.0.2.1 or 2001:db8::1; no name",
}
"""The schema of the address of one host."""


def checked(key: str, text: str) -> IPv4Address | IPv6Address:
    """The address of one host that `text`, the option `key`, says.

    :raises ValueError: if it is no address, or that of no single host.
    """
    try:
        address = ip_address(text)
    except ValueError:
        raise ValueError(f'{key}: "{text}" is no IP address') from None
    everybody = address.is_multicast or str(address) == "255.255.255.255"
    if everybody or address.is_unspecified:
        raise ValueError(f"{key}: {text} is not the address of one host")
    return address
