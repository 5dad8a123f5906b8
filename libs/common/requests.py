"""What routes ask of a request: who calls, which version was seen, which key makes a repetition harmless."""

import hashlib
import re
from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import QueryParams, UploadFile

from libs.common.actors import Actor
from libs.common.asgi import QUERY_AS_SENT
from libs.common.auth import TokenVerifier
from libs.common.errors import FieldError, InvalidInput, MalformedRequest, PreconditionRequired, Unauthenticated
from libs.common.idempotency import Claim
from libs.common.problems import field_errors

_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="签发机构的访问令牌：层级、辖区和角色由令牌而来")
_ETAG = re.compile(r'^(?:W/)?"([1-9][0-9]{0,17})"$')  # a proxy that compresses makes tags weak
_ANY_TAGS = re.compile(r'^(?:W/)?"[!#-~]*"(?:\s*,\s*(?:W/)?"[!#-~]*")*$')
_NO_VERSION = 0
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
_KEY = re.compile(r"^[\x21-\x7e]{1,200}$")


async def current_actor(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Actor:
    """The verified caller. Raises Unauthenticated, then InvalidInput for parameters that the operation lacks."""
    if credentials is None:
        raise Unauthenticated
    verifier: TokenVerifier = request.app.state.verifier
    actor = await verifier.verify(credentials.credentials)
    if request.scope.get(QUERY_AS_SENT):
        _refuse_unknown_parameters(request)
    return actor


def _refuse_unknown_parameters(request: Request) -> None:
    """A mistyped filter must not show everything: only parameters that the document names are taken, even blank."""
    path = request.app.openapi()["paths"].get(request.scope["route"].path_format, {})
    operation = path.get(request.method.lower())
    if operation is None:  # not in the document: its own affair
        return
    known = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query"}
    unknown = [name for name in QueryParams(request.scope[QUERY_AS_SENT]) if name not in known]
    if unknown:
        found = field_errors({"type": "extra_forbidden", "loc": ("query", name)} for name in unknown)
        raise InvalidInput(errors=found)


async def if_match(
    if_match: Annotated[str | None, Header(alias="If-Match", description='所依据的版本，取自 ETag，例如 `"3"`')] = None,
) -> int:
    """The version that the caller saw. Raises PreconditionRequired without one: a change needs one certain version."""
    if if_match is None or if_match.strip() == "*":
        raise PreconditionRequired
    found = _ETAG.match(if_match.strip())
    if found is None and _ANY_TAGS.match(if_match.strip()):
        return _NO_VERSION  # a tag, but none that a version of ours ever had: stale by all means
    if found is None:
        raise MalformedRequest('If-Match 须为所读数据的 ETag，例如 "3"')
    return int(found[1])


async def idempotency_claim(
    request: Request,
    actor: Annotated[Actor, Depends(current_actor)],
    idempotency_key: Annotated[
        str | None,
        Header(alias="Idempotency-Key", description="同一个键和内容只生效一次，重复提交得到同一答复；1–200 个可见字符"),
    ] = None,
) -> Claim | None:
    """The caller's idempotency key bound to method, path and body; None without the header."""
    if idempotency_key is None:
        return None
    return claim_of(actor, idempotency_key, request.method, request.url.path, await _content(request))


async def _content(request: Request) -> bytes:
    """What was sent. Of a form its fields: the boundary between them differs with every repetition."""
    if request.headers.get("content-type", "").split(";", 1)[0].strip().lower() not in _FORMS:
        return await request.body()
    digest = hashlib.sha256()
    for name, value in sorted((await request.form()).multi_items(), key=lambda item: item[0]):
        digest.update(f"{len(name)} {name} ".encode())
        if isinstance(value, UploadFile):
            digest.update(f"{value.filename} {value.size}\n".encode())
            await value.seek(0)
            while chunk := await value.read(1 << 20):
                digest.update(chunk)
            await value.seek(0)
        else:
            digest.update(f"{len(value)}\n{value}".encode())
    return digest.digest()


def claim_of(actor: Actor, key: str | None, method: str, path: str, body: bytes) -> Claim | None:
    """The key bound to what was asked; None without a key. Raises InvalidInput when it is no key of ours."""
    if key is None:
        return None
    if not _KEY.match(key):
        raise InvalidInput(
            errors=[FieldError("/header/Idempotency-Key", "wrong_format", "须为 1–200 个可见的 ASCII 字符")]
        )
    digest = hashlib.sha256(f"{method} {path}\n".encode())
    digest.update(body)
    return Claim(actor=actor.id, key=key, fingerprint=digest.digest())


def etag(version: int) -> str:
    """The ETag of a resource at that version."""
    return f'"{version}"'


CurrentActor = Annotated[Actor, Depends(current_actor)]
IfMatch = Annotated[int, Depends(if_match)]
IdempotencyClaim = Annotated[Claim | None, Depends(idempotency_claim)]
