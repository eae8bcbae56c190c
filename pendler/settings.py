"""What an operator may set, all by environment (`PENDLER_...`): four URLs and little else."""

import os
import secrets
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from pendler.service import Misconfigured

PREFIX = "PENDLER_"


class FromFiles(PydanticBaseSettingsSource):
    """Reads `PENDLER_STORE` from the file that `PENDLER_STORE_FILE` names, and so every setting.

    Raises:
        Misconfigured: there is no such file, or both are set.
    """

    def get_field_value(self, _: FieldInfo, field_name: str) -> tuple[str | None, str, bool]:
        variable = f"{PREFIX}{field_name.upper()}"
        if not (path := os.environ.get(f"{variable}_FILE")):
            return None, field_name, False
        if os.environ.get(variable):
            raise Misconfigured(f"both {variable} and {variable}_FILE are set: leave one of them away")
        try:
            return Path(path).read_text("utf-8").strip(), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            raise Misconfigured(f"{variable}_FILE={path} cannot be read: {error}") from None

    def __call__(self) -> dict[str, str]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


class Settings(BaseSettings):
    """The settings of one process. Those that may hold a password are in no `repr` and no error."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, hide_input_in_errors=True)

    home: Path = Field(Path("var"), description="Folder of everything that is kept on this machine.")
    bus: str = Field(
        "file:",
        repr=False,
        description="`file:` (under the home); or `kafka://HOST:PORT[,HOST:PORT]`, `kafkas://USER:PASSWORD@HOST:PORT`.",
    )
    store: str = Field(
        "file:", repr=False, description="`file:` (under the home): SQLite; or `mongodb://HOST`, a database a service."
    )
    index: str = Field(
        "file:",
        repr=False,
        description="`file:` (under the home): tantivy; or `https://USER:PASSWORD@HOST:9200`, Elasticsearch.",
    )
    mail: str = Field(
        "file:",
        repr=False,
        description="`file:` (under the home): an outbox, one .eml a message; or `smtp://USER:PASSWORD@HOST:587`.",
    )
    host: str = Field("127.0.0.1", description="Address that the web process listens on.")
    port: int = Field(8000, description="Port of the web process; the workers tell their health on the two after it.")
    public_url: str = Field("", description="Where people reach the pages; links in mails begin with it.")
    secret: SecretStr = Field(SecretStr(""), description="Signs links and cursors; made at first start if unset.")
    now: datetime | None = Field(None, description="Fixes the clock, for tests and demonstrations (ISO 8601).")
    gather: int = Field(
        15, ge=0, description="Minutes that alerts at once gather, 4 mails a day at most; 0: each leaves by itself."
    )
    bounces: Path | None = Field(
        None, description="Folder that mail to the sender's address is put into, a file a message; read and emptied."
    )
    demo: bool = Field(False, description="Fill an empty exchange with demonstration vacancies.")
    max_body: int = Field(64_000_000, description="Largest delivery in bytes, after decompression.")
    log: str = Field("info", description="`debug`, `info`, `warning` or `error`.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given in code, the environment, and the files that the environment names."""
        return init_settings, env_settings, FromFiles(settings_cls)

    def clock(self) -> datetime:
        """The time it is, in UTC, or the time that is fixed."""
        if self.now is None:
            return datetime.now(UTC)
        return self.now if self.now.tzinfo else self.now.replace(tzinfo=UTC)

    def url_of(self, port: str) -> str:
        """The URL of `bus`, `store`, `index` or `mail`; a bare `file:` lies under the home."""
        url: str = getattr(self, port)
        return f"file:{self.home / port}" if url == "file:" else url

    def where(self, port: str) -> str:
        """The same for people to read: no scheme, no user, no password, no options."""
        return self.url_of(port).partition(":")[2].removeprefix("//").rpartition("@")[2].partition("?")[0]

    @property
    def places(self) -> Path:
        return self.home / "places.db"

    @property
    def regions(self) -> Path:
        """Outlines of NUTS-3 regions, where the operator has imported some."""
        return self.home / "regions.geojson"

    @property
    def site(self) -> str:
        return (self.public_url or f"http://localhost:{self.port}").rstrip("/")

    def make_secret(self) -> None:
        """Makes the secret now, before two processes would both want to."""
        self.signing_key  # noqa: B018

    @cached_property
    def signing_key(self) -> str:
        """The secret; where none is set, one made once and kept under the home, readable by its owner only."""
        if given := self.secret.get_secret_value():
            return given
        path = self.home / "secret"
        self.home.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x") as new:
                path.chmod(0o600)
                new.write(secrets.token_urlsafe(32))
        except FileExistsError:
            pass
        return path.read_text()
