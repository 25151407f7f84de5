"""The rules of kube-proxy say where a Service leads to."""

import pytest

from tests.cluster import proxy

RULES = """\
*nat
:KUBE-SVC-AAA - [0:0]
-A KUBE-SEP-1 -s 10.244.0.7/32 -m comment --comment "shop/digits:http" -j KUBE-MARK-MASQ
-A KUBE-SEP-1 -p tcp -m comment --comment "shop/digits:http" -m tcp -j DNAT --to-destination 10.244.0.7:3000
-A KUBE-SEP-9 -p tcp -m comment --comment "shop/digits:http" -m tcp -j DNAT --to-destination 10.244.0.99:3000
-A KUBE-SERVICES -d 10.96.3.4/32 -p tcp -m comment --comment "shop/digits:http cluster IP" -m tcp --dport 80 -j KUBE-SVC-AAA
-A KUBE-SVC-AAA -m comment --comment "shop/digits:http -> 10.244.0.7:3000" -m statistic --mode random --probability 0.5 -j KUBE-SEP-1
-A KUBE-SVC-AAA -m comment --comment "shop/digits:http -> 10.244.0.8:3000" -j KUBE-SEP-2
-A KUBE-SVC-BBB -m comment --comment "shop/digits-canary:http -> 10.244.0.9:3000" -j KUBE-SEP-3
-A KUBE-SVC-CCC -m comment --comment "other/digits:http -> 10.244.0.10:3000" -j KUBE-SEP-4
-A KUBE-SVC-DDD -m comment --comment "lab/web -> 10.244.0.11:8000" -j KUBE-SEP-5
COMMIT
"""  # noqa: E501 - as the program prints them


@pytest.mark.parametrize(
    ("namespace", "service", "led_to"),
    [
        pytest.param(
            "shop", "digits", {"10.244.0.7:3000", "10.244.0.8:3000"}, id="two pods, no chain of old"
        ),
        pytest.param("shop", "digits-canary", {"10.244.0.9:3000"}, id="a name that begins with another's"),
        pytest.param("other", "digits", {"10.244.0.10:3000"}, id="the same name elsewhere"),
        pytest.param("lab", "web", {"10.244.0.11:8000"}, id="a port without a name"),
        pytest.param("shop", "digit.", set(), id="a name is no pattern"),
        pytest.param("shop", "absent", set(), id="nobody"),
    ],
)
def test_a_service_leads_to_the_pods_of_its_rules(namespace: str, service: str, led_to: set[str]) -> None:
    assert proxy.endpoints_of(RULES, namespace, service) == led_to
