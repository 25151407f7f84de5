from tests.unit.runtime.registry.fixtures import client_of, docker_registry, proxy

__all__ = ["client_of", "docker_registry", "proxy"]
