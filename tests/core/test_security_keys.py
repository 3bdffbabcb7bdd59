"""What a security key answers counts once, for the person and the page that asked, and at the console's own address."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from django.test import Client
from django.urls import reverse
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

from core.factors.models import SecondFactor
from core.models import User
from core.roles import LOYALTY_SUPERVISOR
from tests.console import signed_in
from tests.core.test_asking_again import asks
from tests.factories import StaffFactory
from tests.floor import Floor
from tests.second_factors import long_ago

ORIGIN = "http://testserver"
ADD = reverse("factors:add_key")
EXPORT = reverse("admin:core_change_export")
_PRESENT: Any = AuthenticatorData.FLAG.UP
_WITH_KEY: Any = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.AT


@dataclass
class Key:
    """A security key without a counter, which answers whatever it is asked, as a program of an attacker would."""

    credential_id: bytes
    private_key: Any = field(default_factory=lambda: generate_private_key(SECP256R1()))

    def added(self, challenge: str, *, origin: str = ORIGIN, kind: str = "webauthn.create") -> str:
        """The answer to a page that adds it."""
        public: Any = ES256.from_cryptography_key(self.private_key.public_key())  # type: ignore[no-untyped-call]
        credential = AttestedCredentialData.create(bytes(16), self.credential_id, public)
        data = AuthenticatorData.create(_host(origin), _WITH_KEY, 0, bytes(credential))
        attestation = AttestationObject.create("none", data, {})
        data_of_client = CollectedClientData.create(type=kind, challenge=challenge, origin=origin)
        return self._answer(data_of_client, attestationObject=attestation)

    def proved(self, challenge: str, *, origin: str = ORIGIN, kind: str = "webauthn.get") -> str:
        """The answer to a page that asks for it."""
        data = AuthenticatorData.create(_host(origin), _PRESENT, 0)
        data_of_client = CollectedClientData.create(type=kind, challenge=challenge, origin=origin)
        signature = self.private_key.sign(data + data_of_client.hash, ECDSA(SHA256()))
        return self._answer(data_of_client, authenticatorData=data, signature=signature)

    def _answer(self, client: bytes, **response: bytes) -> str:
        own, given = websafe_encode(self.credential_id), {"clientDataJSON": client, **response}
        encoded = {name: websafe_encode(value) for name, value in given.items()}
        return json.dumps({"id": own, "rawId": own, "type": "public-key", "response": encoded})


def _host(origin: str) -> bytes:
    return sha256((urlsplit(origin).hostname or "").encode()).digest()


def _challenge(page: Any) -> str:
    """The challenge of a page that asks for a security key."""
    challenge: str = json.loads(page.context["key_options"])["challenge"]
    return challenge


def _add(client: Client, answer: str) -> list[str]:
    """Send an answer of a key; the names of the factors that there are then."""
    client.post(ADD, {"name": "Blue key", "key_answer": answer})
    return [str(person) for person in SecondFactor.objects.values_list("user__username", flat=True)]


@pytest.fixture
def person(floor: Floor) -> User:
    """A supervisor."""
    return StaffFactory.create(casino=floor.casino, username="person")


@pytest.fixture
def client(person: User) -> Client:
    """The supervisor's browser."""
    return signed_in(person, LOYALTY_SUPERVISOR)


class TestKeyThatIsAdded:
    def test_counts_once(self, client: Client) -> None:
        answer = Key(b"blue").added(_challenge(client.get(ADD)))

        assert [_add(client, answer), _add(client, answer)] == [["person"], ["person"]]

    @pytest.mark.parametrize("changed", [{"origin": "http://testserver:81"}, {"kind": "webauthn.get"}])
    def test_is_refused_from_elsewhere(self, client: Client, changed: dict[str, str]) -> None:
        assert _add(client, Key(b"blue").added(_challenge(client.get(ADD)), **changed)) == []

    def test_is_refused_for_the_challenge_of_another(self, floor: Floor, client: Client) -> None:
        other = signed_in(floor.boss)
        challenges = {id(one): _challenge(one.get(ADD)) for one in (client, other)}

        assert _add(other, Key(b"blue").added(challenges[id(client)])) == []
        assert _add(client, Key(b"blue").added(challenges[id(client)])) == ["person"]

    def test_is_refused_if_another_has_it(self, floor: Floor, client: Client) -> None:
        key, other = Key(b"blue"), signed_in(floor.boss)
        _add(client, key.added(_challenge(client.get(ADD))))

        assert _add(other, key.added(_challenge(other.get(ADD)))) == ["person"]


class TestKeyThatIsAskedFor:
    @pytest.fixture
    def key(self, floor: Floor, client: Client) -> Key:
        """The key of the supervisor, whom the console then asks again."""
        key = Key(b"blue")
        _add(client, key.added(_challenge(client.get(ADD))))
        long_ago(client)
        return key

    def _is_let_through(self, client: Client, answer: str) -> bool:
        return not asks(client.post(EXPORT, {"asked-again": "POST", "asked-key_answer": answer}))

    def test_lets_its_owner_through_once(self, client: Client, key: Key) -> None:
        answer = key.proved(_challenge(client.post(EXPORT)))

        assert self._is_let_through(client, answer)
        long_ago(client)
        assert not self._is_let_through(client, answer)

    @pytest.mark.parametrize(
        "answer",
        [
            lambda key, asked: key.proved("AAAA"),
            lambda key, asked: key.proved(asked, origin="http://testserver:81"),
            lambda key, asked: key.proved(asked, kind="webauthn.create"),
            lambda key, asked: Key(b"blue").proved(asked),
            lambda key, asked: Key(b"green").proved(asked),
        ],
        ids=["another challenge", "elsewhere", "of adding", "forged", "unknown"],
    )
    def test_keeps_everybody_else_out(self, client: Client, key: Key, answer: Callable[[Key, str], str]) -> None:
        assert not self._is_let_through(client, answer(key, _challenge(client.post(EXPORT))))

    def test_keeps_out_the_key_of_a_colleague(self, floor: Floor, client: Client, key: Key) -> None:
        theirs, other = Key(b"green"), signed_in(floor.boss)
        _add(other, theirs.added(_challenge(other.get(ADD))))

        assert not self._is_let_through(client, theirs.proved(_challenge(client.post(EXPORT))))
