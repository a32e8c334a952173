"""
The IP address ranges that are not public Internet.

Sources: the IANA Special-Purpose Address Registries of IPv4 and IPv6, the IPv6 address space registry, RFC
6890, and the metadata addresses that cloud providers document. `ipaddress.is_global` is not enough: it
accepts Azure's metadata service, NAT64, 6to4 relays and multicast.
"""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv6Address
from typing import Final

Address = IPv4Address | IPv6Address

METADATA: Final = "cloud metadata"

OWN_NETWORK: Final = frozenset(
    {"loopback", "private", "link-local", "carrier-grade NAT", "unique local", "site-local"}
)
"""The kinds that `allow_private` opens. Never cloud metadata, which hands out credentials."""

_IPV4: Final = (
    ("169.254.169.254/32", METADATA),  # AWS, Google, Azure, Oracle, DigitalOcean, OpenStack
    ("169.254.169.253/32", METADATA),  # AWS: the VPC's resolver
    ("169.254.169.123/32", METADATA),  # AWS: time
    ("169.254.170.2/32", METADATA),  # AWS ECS: credentials of a task
    ("169.254.170.23/32", METADATA),  # AWS EKS: credentials of a pod
    ("100.100.100.200/32", METADATA),  # Alibaba Cloud
    ("192.0.0.192/32", METADATA),  # Oracle Cloud, older
    ("168.63.129.16/32", METADATA),  # Azure: the host of a virtual machine, in public space
    ("0.0.0.0/8", "this network"),  # RFC 791; 0.0.0.0 connects to the machine itself
    ("10.0.0.0/8", "private"),  # RFC 1918
    ("100.64.0.0/10", "carrier-grade NAT"),  # RFC 6598
    ("127.0.0.0/8", "loopback"),  # RFC 1122
    ("169.254.0.0/16", "link-local"),  # RFC 3927
    ("172.16.0.0/12", "private"),  # RFC 1918
    ("192.0.0.0/24", "protocol assignments"),  # RFC 6890
    ("192.0.2.0/24", "documentation"),  # RFC 5737
    ("192.31.196.0/24", "AS112"),  # RFC 7535
    ("192.52.193.0/24", "AMT"),  # RFC 7450
    ("192.88.99.0/24", "6to4 relay"),  # RFC 7526
    ("192.168.0.0/16", "private"),  # RFC 1918
    ("192.175.48.0/24", "AS112"),  # RFC 7534
    ("198.18.0.0/15", "benchmarking"),  # RFC 2544
    ("198.51.100.0/24", "documentation"),  # RFC 5737
    ("203.0.113.0/24", "documentation"),  # RFC 5737
    ("224.0.0.0/4", "multicast"),  # RFC 1112
    ("255.255.255.255/32", "broadcast"),  # RFC 919
    ("240.0.0.0/4", "reserved"),  # RFC 1112
)

_IPV6: Final = (
    ("fd00:ec2::/32", METADATA),  # AWS
    ("fd20:ce::254/128", METADATA),  # Google
    ("fd00:c1::a9fe:a9fe/128", METADATA),  # Oracle Cloud
    ("fd00:42::42/128", METADATA),  # Scaleway
    ("::/128", "this network"),  # RFC 4291; connects to the machine itself
    ("::1/128", "loopback"),  # RFC 4291
    ("::ffff:0:0/96", "IPv4-mapped"),  # RFC 4291
    ("::ffff:0:0:0/96", "IPv4-translated"),  # RFC 2765
    ("::/96", "IPv4-compatible"),  # RFC 4291, deprecated
    ("64:ff9b::/96", "NAT64"),  # RFC 6052
    ("64:ff9b:1::/48", "local NAT64"),  # RFC 8215
    ("100::/64", "discard-only"),  # RFC 6666
    ("100:0:0:1::/64", "dummy prefix"),  # RFC 9780
    ("2001::/32", "Teredo"),  # RFC 4380
    ("2001:2::/48", "benchmarking"),  # RFC 5180
    ("2001:10::/28", "ORCHID"),  # RFC 4843, deprecated
    ("2001:20::/28", "ORCHID"),  # RFC 7343
    ("2001::/23", "protocol assignments"),  # RFC 2928: AMT, AS112, drone remote ID
    ("2001:db8::/32", "documentation"),  # RFC 3849
    ("2002::/16", "6to4"),  # RFC 3056
    ("2620:4f:8000::/48", "AS112"),  # RFC 7534
    ("3ffe::/16", "reserved"),  # RFC 3701: the 6bone, returned
    ("3fff::/20", "documentation"),  # RFC 9637
    ("5f00::/16", "segment routing"),  # RFC 9602
    ("fc00::/7", "unique local"),  # RFC 4193
    ("fe80::/10", "link-local"),  # RFC 4291
    ("fec0::/10", "site-local"),  # RFC 3879, deprecated
    ("ff00::/8", "multicast"),  # RFC 4291
)

_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
"""The only block from which IANA allocates public unicast addresses (RFC 4291)."""

_NETWORKS_4: Final = tuple((ipaddress.IPv4Network(text), kind) for text, kind in _IPV4)
_NETWORKS_6: Final = tuple((ipaddress.IPv6Network(text), kind) for text, kind in _IPV6)

_IPV4_AT_END: Final = tuple(
    ipaddress.IPv6Network(text)
    for text in ("::ffff:0:0/96", "::ffff:0:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48")
)
_ISATAP: Final = (0x0000_5EFE, 0x0200_5EFE)
"""
Third 32-bit word of an ISATAP address, whose last word is the tunnel endpoint's IPv4 address (RFC 5214).
"""


def kind_of(address: Address) -> str | None:
    """The kind of special-purpose range that contains *address*; None for a public address."""
    if isinstance(address, IPv4Address):
        return next((kind for network, kind in _NETWORKS_4 if address in network), None)
    if address.scope_id is not None:
        return "link-local"
    for network, kind in _NETWORKS_6:
        if address in network:
            return kind
    return None if address in _GLOBAL_UNICAST else "reserved"


def embedded(address: Address) -> list[IPv4Address]:
    """The IPv4 addresses at which traffic to *address* may end, by translation or through a tunnel."""
    if isinstance(address, IPv4Address):
        return []
    value = int(address)
    found = []
    if any(address in network for network in _IPV4_AT_END) and value > 1:
        found.append(value & 0xFFFF_FFFF)
    if address.sixtofour is not None:
        found.append(int(address.sixtofour))
    if address.teredo is not None:
        found += [int(end) for end in address.teredo]
    if value >> 32 & 0xFFFF_FFFF in _ISATAP:
        found.append(value & 0xFFFF_FFFF)
    return [IPv4Address(each) for each in found]
