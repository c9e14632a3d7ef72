"""Connections, migrations, and what a database's troubles become. Daemons that start at once are processes."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.store import tables
from daemon.store.database import MIGRATIONS, Database
from daemon.store.errors import NewerSchema, StoreUnavailable, StoreUnusable
from daemon.store.place import database_place
from tests.store.postgresql import PostgreSQL
from tests.store.world import World, body

LATER = '''
"""A later schema: a column more."""
import sqlalchemy as sa
from alembic import op
revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("providers", sa.Column("note", sa.Text, nullable=False, server_default="migrated"))
'''

START = """
import sys
from pathlib import Path
from daemon.store.database import Database
from daemon.store.place import database_place
database = Database(database_place(sys.argv[1], Path(sys.argv[2])))
sys.stdin.readline()
print(len(database.migrate()), end="")
"""


@pytest.fixture
def later(tmp_path: Path) -> Path:
    """The migrations of a later program."""
    scripts = tmp_path / "later"
    shutil.copytree(MIGRATIONS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions/0002_note.py").write_text(LATER)
    return scripts


def test_head_names_the_newest_script() -> None:
    names = sorted(path.name for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    assert names[-1].startswith(f"{tables.HEAD}_")


def test_the_tables_are_those_that_the_migrations_make(world: World) -> None:
    import sqlalchemy as sa

    with world.database.read() as connection:
        there = sa.inspect(connection)
        for table in tables.metadata.tables.values():
            columns = {each["name"]: each["nullable"] for each in there.get_columns(table.name)}
            assert columns == {each.name: each.nullable for each in table.columns}


def test_a_start_makes_the_schema_once(url: str, tmp_path: Path) -> None:
    database = Database(database_place(url, tmp_path))
    assert database.migrate() == ("0001",)
    assert database.migrate() == ()
    database.prepare()
    database.close()


def test_a_database_that_is_up_to_date_needs_no_alembic(world: World) -> None:
    code = (
        "import sys; from pathlib import Path; from daemon.store.database import Database;"
        "from daemon.store.place import database_place;"
        "database = Database(database_place(sys.argv[1], Path(sys.argv[2])));"
        "database.prepare(); print('alembic' in sys.modules)"
    )
    command = [sys.executable, "-c", code, world.url, str(world.directory)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_of_two_daemons_that_start_at_once_one_migrates(url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", START, url, str(tmp_path)]
    starts = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for each in starts:  # all have imported everything by the time they are let go
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    answers = [each.communicate(timeout=60) for each in starts]
    assert sorted(out for out, _ in answers) == ["0", "0", "1"], answers


def test_rows_of_the_first_schema_are_kept_by_a_later_one_which_the_older_program_refuses(
    world: World, later: Path
) -> None:
    row = world.repository.create(body())
    newer = world.another_database(migrations=later, head="0002")
    newer.prepare()
    assert world.look("SELECT name, note FROM providers") == [("fox", "migrated")]
    assert world.another(newer).get_by_name("fox") == row
    older = world.another_database()
    for ask in (older.prepare, older.migrate):
        with pytest.raises(NewerSchema) as caught:
            ask()
        assert "has schema '0002', which this tppcd does not know; the newest it knows is '0001'" in str(caught.value)
        assert "start the tppcd that migrated it" in str(caught.value)
    assert world.look("SELECT version_num FROM alembic_version") == [("0002",)]


def test_a_migration_that_fails_leaves_the_schema_and_the_rows_as_they_were(world: World, later: Path) -> None:
    world.repository.create(body())
    script = later / "versions/0002_note.py"
    script.write_text(LATER + '    op.execute("UPDATE nowhere SET x = 1")\n')
    with pytest.raises(StoreUnusable):
        world.another_database(migrations=later, head="0002").prepare()
    assert world.look("SELECT version_num FROM alembic_version") == [("0001",)]
    script.write_text(LATER)
    world.another_database(migrations=later, head="0002").prepare()
    assert world.look("SELECT note FROM providers") == [("migrated",)]


# SQLite.


def test_the_file_is_its_owners_alone_and_nobody_reads_a_file_into_being(tmp_path: Path) -> None:
    database = Database(tmp_path / "state/providers.db")
    assert database.exists is False
    with pytest.raises(StoreUnavailable, match=r"providers\.db"), database.read():
        pass
    assert database.exists is False
    database.prepare()
    assert database.file is not None
    assert stat.S_IMODE(database.file.stat().st_mode) == 0o600


def test_a_relative_path_begins_in_the_state_directory_and_an_absolute_one_does_not(tmp_path: Path) -> None:
    assert database_place("", tmp_path) == tmp_path / "providers.db"
    assert database_place("sqlite:///sub/rows.db", tmp_path) == tmp_path / "sub/rows.db"
    assert database_place("sqlite:////srv/rows.db", tmp_path) == Path("/srv/rows.db")


def test_a_file_that_is_none_of_ours_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "providers.db").write_bytes(b"this is a letter to my grandmother\n" * 100)
    database = Database(tmp_path / "providers.db")
    with pytest.raises(StoreUnusable, match="is no database of tppcd: file is not a database"):
        database.prepare()
    assert (tmp_path / "providers.db").read_bytes().startswith(b"this is a letter")


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnusable, match=r"file/state/providers\.db cannot be opened: not a directory"):
        Database(tmp_path / "file/state/providers.db").prepare()


def test_a_restored_file_is_the_next_that_is_read(tmp_path: Path) -> None:
    with World("", tmp_path) as world:
        world.repository.create(body("fox"))
        shutil.copy(tmp_path / "providers.db", tmp_path / "backup")
        world.repository.create(body("wolf"))
        (tmp_path / "backup").replace(tmp_path / "providers.db")
        assert [each.name for each in world.repository.load().rows] == ["fox"]


# PostgreSQL.


def test_a_server_that_is_not_there_is_unavailable_and_its_password_not_shown(tmp_path: Path) -> None:
    database = Database("postgresql://me:planted-password@127.0.0.1:1/x")
    with pytest.raises(StoreUnavailable, match="does not answer") as caught:
        database.prepare()
    assert "127.0.0.1:1" in str(caught.value)
    assert "planted-password" not in str(caught.value)
    assert "planted-password" not in database.place


def test_a_url_that_libpq_does_not_read_is_refused_without_being_quoted(tmp_path: Path) -> None:
    database = Database("postgresql://me:planted-password@127.0.0.1:1/x?no_such_option=1")
    with pytest.raises((StoreUnusable, StoreUnavailable)) as caught:
        database.prepare()
    assert "planted-password" not in str(caught.value)


def test_a_database_that_does_not_exist_is_said_so(postgresql: PostgreSQL, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match='database "nowhere" does not exist'):
        Database(postgresql.url.removesuffix("postgres") + "nowhere").prepare()


def test_a_connection_that_was_cut_is_opened_anew_by_the_next_use(postgresql: PostgreSQL, tmp_path: Path) -> None:
    with postgresql.database("cut") as url, World(url, tmp_path) as world:
        row = world.repository.create(body())
        postgresql.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'cut'")
        assert world.repository.list() == (row,)


def test_a_role_that_may_only_read_learns_so(postgresql: PostgreSQL, tmp_path: Path) -> None:
    with postgresql.database("reading") as url, World(url, tmp_path) as world:
        world.repository.create(body())
        world.sql("CREATE ROLE reader LOGIN")
        world.sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
        reader = Database(url.replace("tester@", "reader@"))
        repository = world.another(reader)
        assert [each.name for each in repository.load().rows] == ["fox"]
        repository.claim()
        with pytest.raises(StoreUnusable, match="permission denied"):
            repository.delete("fox")
        reader.close()
        world.sql("DROP OWNED BY reader")
        world.sql("DROP ROLE reader")
