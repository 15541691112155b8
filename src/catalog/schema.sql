CREATE TABLE objects (
        id      INTEGER PRIMARY KEY AUTOINCREMENT,
        kind    TEXT NOT NULL,
        profile TEXT NOT NULL,
        name    TEXT NOT NULL,
        version INTEGER NOT NULL, owner TEXT NOT NULL DEFAULT '',
        UNIQUE (kind, profile, name)
    ) STRICT;
CREATE TABLE versions (
        object     INTEGER NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
        version    INTEGER NOT NULL,
        sql        TEXT NOT NULL,
        base       TEXT NOT NULL,
        author     TEXT NOT NULL,
        created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
        PRIMARY KEY (object, version)
    ) STRICT;
CREATE TABLE snapshots (
        id           INTEGER PRIMARY KEY AUTOINCREMENT,
        kind         TEXT NOT NULL,
        name         TEXT NOT NULL,
        at           INTEGER NOT NULL,
        rows         INTEGER NOT NULL,
        committed_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    ) STRICT;
CREATE INDEX snapshots_by_name ON snapshots (kind, name, at, id);
CREATE TABLE snapshot_columns (
        snapshot INTEGER NOT NULL REFERENCES snapshots (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        role     TEXT NOT NULL,
        name     TEXT NOT NULL,
        version  INTEGER NOT NULL,
        filled   INTEGER NOT NULL,
        computed_at INTEGER NOT NULL,
        PRIMARY KEY (snapshot, position)
    ) STRICT;
CREATE TABLE files (
        id       INTEGER PRIMARY KEY AUTOINCREMENT,
        name     TEXT NOT NULL UNIQUE,
        part     TEXT NOT NULL,
        bytes    INTEGER NOT NULL,
        rows     INTEGER NOT NULL,
        checksum TEXT NOT NULL
    , key TEXT) STRICT;
CREATE TABLE snapshot_files (
        snapshot INTEGER NOT NULL REFERENCES snapshots (id) ON DELETE CASCADE,
        file     INTEGER NOT NULL REFERENCES files (id),
        PRIMARY KEY (snapshot, file)
    ) STRICT;
CREATE INDEX snapshots_of_file ON snapshot_files (file);
CREATE TABLE runs (
        id          INTEGER PRIMARY KEY AUTOINCREMENT,
        kind        TEXT NOT NULL,
        name        TEXT NOT NULL,
        as_of       INTEGER NOT NULL,
        process     INTEGER NOT NULL,
        status      TEXT NOT NULL,
        started_at  INTEGER NOT NULL,
        finished_at INTEGER,
        snapshot    INTEGER,
        rows        INTEGER,
        changes     INTEGER,
        message     TEXT NOT NULL DEFAULT ''
    , lock TEXT NOT NULL DEFAULT '', heartbeat_at INTEGER, schedule INTEGER, attempt INTEGER, missed INTEGER, role TEXT, host TEXT, cause TEXT, statement TEXT, line INTEGER) STRICT;
CREATE TABLE models (
        object  INTEGER NOT NULL,
        version INTEGER NOT NULL,
        trained TEXT NOT NULL,
        took    INTEGER NOT NULL,
        PRIMARY KEY (object, version),
        FOREIGN KEY (object, version) REFERENCES versions (object, version) ON DELETE CASCADE
    ) STRICT;
CREATE TABLE changes (definitions INTEGER NOT NULL) STRICT;
CREATE TABLE comments (
        object  INTEGER NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
        "column" TEXT NOT NULL,
        comment TEXT NOT NULL,
        version INTEGER NOT NULL,
        PRIMARY KEY (object, "column")
    ) STRICT;
CREATE TABLE grants (
        role      TEXT NOT NULL,
        privilege TEXT NOT NULL,
        class     TEXT NOT NULL,
        name      TEXT NOT NULL,
        object    INTEGER REFERENCES objects (id) ON DELETE CASCADE,
        grantor   TEXT NOT NULL,
        grantable INTEGER NOT NULL
    ) STRICT;
CREATE INDEX grants_by_object ON grants (object);
CREATE TABLE schedules (
        object       INTEGER PRIMARY KEY REFERENCES objects (id) ON DELETE CASCADE,
        paused       INTEGER NOT NULL DEFAULT 0,
        calendar     TEXT NOT NULL DEFAULT '',
        settled      INTEGER NOT NULL,
        run          INTEGER,
        retry_at     INTEGER,
        failed       INTEGER NOT NULL DEFAULT 0,
        lost         INTEGER NOT NULL DEFAULT 0,
        last_success INTEGER,
        -- The version that was made by somebody who may read and write all files.
        trusted      INTEGER NOT NULL DEFAULT 0
    ) STRICT;
CREATE INDEX runs_by_schedule ON runs (schedule, id);
CREATE INDEX runs_going_on ON runs (status) WHERE status = 'running';
CREATE TABLE check_results (
        id           INTEGER PRIMARY KEY AUTOINCREMENT,
        object       INTEGER NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
        version      INTEGER NOT NULL,
        at           INTEGER NOT NULL,
        table_name   TEXT NOT NULL,
        dimension    TEXT NOT NULL,
        severity     TEXT NOT NULL,
        status       TEXT NOT NULL,
        rows         INTEGER,
        failed       INTEGER,
        passed_share REAL,
        message      TEXT NOT NULL,
        examples     TEXT NOT NULL,
        detail       TEXT NOT NULL
    ) STRICT;
CREATE INDEX check_results_by_object ON check_results (object, id);
CREATE TABLE column_classes (
        object   INTEGER NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
        "column" TEXT NOT NULL,
        class    TEXT NOT NULL,
        PRIMARY KEY (object, "column")
    ) STRICT;
CREATE TABLE erasures (
        id          INTEGER PRIMARY KEY AUTOINCREMENT,
        kind        TEXT NOT NULL,
        object      TEXT NOT NULL,
        subjects    INTEGER NOT NULL,
        role        TEXT NOT NULL,
        reason      TEXT NOT NULL,
        at          INTEGER NOT NULL,
        finished_at INTEGER
    ) STRICT;
CREATE INDEX erasures_to_finish ON erasures (id) WHERE finished_at IS NULL;
CREATE TABLE erased_objects (
        erasure  INTEGER NOT NULL REFERENCES erasures (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        object   TEXT NOT NULL,
        state    TEXT NOT NULL,
        rows     INTEGER NOT NULL,
        files    INTEGER NOT NULL,
        note     TEXT NOT NULL,
        PRIMARY KEY (erasure, position)
    ) STRICT;
CREATE TABLE erased_files (
        erasure INTEGER NOT NULL REFERENCES erasures (id) ON DELETE CASCADE,
        name    TEXT NOT NULL UNIQUE
    ) STRICT;
CREATE TABLE retention (
        object     INTEGER PRIMARY KEY REFERENCES objects (id) ON DELETE CASCADE,
        "column"   TEXT NOT NULL,
        months     INTEGER NOT NULL,
        days       INTEGER NOT NULL,
        micros     INTEGER NOT NULL,
        role       TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        applied_at INTEGER
    ) STRICT;
CREATE TABLE database_keys (
        id      INTEGER PRIMARY KEY AUTOINCREMENT,
        master  TEXT NOT NULL,
        wrapped TEXT NOT NULL,
        proof   TEXT NOT NULL,
        made_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    ) STRICT;
CREATE TABLE privacy_budgets (
        role          TEXT PRIMARY KEY,
        budget        INTEGER NOT NULL,
        spent         INTEGER NOT NULL DEFAULT 0,
        answers       INTEGER NOT NULL DEFAULT 0,
        last_spent_at INTEGER
    ) STRICT;
CREATE TABLE stored_classes (
        object   INTEGER NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
        "column" TEXT NOT NULL,
        class    TEXT NOT NULL,
        until    INTEGER NOT NULL,
        PRIMARY KEY (object, "column", class)
    ) STRICT;
CREATE VIEW newest_snapshots AS
        SELECT o.id AS object, max(s.id) AS snapshot FROM objects o JOIN snapshots s ON s.kind = o.kind AND s.name = o.name GROUP BY o.id;
CREATE TABLE audit_keys (
        id  INTEGER PRIMARY KEY,
        key TEXT NOT NULL
    ) STRICT;
CREATE TABLE role_limits (
        role  TEXT NOT NULL,
        name  TEXT NOT NULL,
        value INTEGER NOT NULL,
        PRIMARY KEY (role, name)
    ) STRICT;
CREATE TABLE row_sources (
        object INTEGER NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
        source INTEGER NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
        PRIMARY KEY (object, source)
    ) STRICT;
CREATE TABLE notices (
        id          INTEGER PRIMARY KEY AUTOINCREMENT,
        schedule    INTEGER NOT NULL,
        name        TEXT NOT NULL,
        run         INTEGER NOT NULL,
        about       TEXT NOT NULL,
        receiver    TEXT NOT NULL,
        address     TEXT NOT NULL,
        body        TEXT NOT NULL,
        delivery    TEXT NOT NULL,
        status      TEXT NOT NULL DEFAULT 'waiting',
        made_at     INTEGER NOT NULL,
        due_at      INTEGER NOT NULL,
        taken_until INTEGER,
        ended_at    INTEGER,
        attempts    INTEGER NOT NULL DEFAULT 0,
        suppressed  INTEGER NOT NULL DEFAULT 0,
        host        TEXT NOT NULL DEFAULT '',
        problem     TEXT NOT NULL DEFAULT ''
    ) STRICT;
CREATE INDEX notices_waiting ON notices (due_at) WHERE status = 'waiting';
CREATE TABLE column_sources (
        object        INTEGER NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
        "column"      TEXT NOT NULL,
        source        INTEGER NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
        source_column TEXT NOT NULL,
        PRIMARY KEY (object, "column", source, source_column)
    ) STRICT;
CREATE TABLE drifts (
        object          INTEGER PRIMARY KEY REFERENCES objects (id) ON DELETE CASCADE,
        versions        TEXT NOT NULL,
        since           INTEGER NOT NULL,
        at              INTEGER NOT NULL,
        stability_index REAL,
        distribution    TEXT NOT NULL
    ) STRICT;
CREATE TABLE sequences (
        name     TEXT PRIMARY KEY,
        first    INTEGER NOT NULL,
        step     INTEGER NOT NULL,
        least    INTEGER NOT NULL,
        most     INTEGER NOT NULL,
        cycles   INTEGER NOT NULL,
        last     INTEGER NOT NULL,
        is_given INTEGER NOT NULL,
        made_at  INTEGER NOT NULL
    ) STRICT;
INSERT INTO changes VALUES (1);
INSERT INTO grants VALUES ('public', 'CONNECT', 'database', '', NULL, '', 0);
INSERT INTO grants VALUES ('public', 'TEMPORARY', 'database', '', NULL, '', 0);
INSERT INTO grants VALUES ('public', 'USAGE', 'schema', 'public', NULL, '', 0);
CREATE TRIGGER version_added AFTER INSERT ON versions BEGIN UPDATE changes SET definitions = definitions + 1; END;
CREATE TRIGGER object_dropped AFTER DELETE ON objects BEGIN UPDATE changes SET definitions = definitions + 1; END;
CREATE TRIGGER comment_added AFTER INSERT ON comments BEGIN UPDATE changes SET definitions = definitions + 1; END;
CREATE TRIGGER comment_changed AFTER UPDATE ON comments BEGIN UPDATE changes SET definitions = definitions + 1; END;
CREATE TRIGGER comment_dropped AFTER DELETE ON comments BEGIN UPDATE changes SET definitions = definitions + 1; END;
CREATE TRIGGER grant_added AFTER INSERT ON grants BEGIN UPDATE changes SET definitions = definitions + 1; END;
CREATE TRIGGER grant_changed AFTER UPDATE ON grants BEGIN UPDATE changes SET definitions = definitions + 1; END;
CREATE TRIGGER grant_dropped AFTER DELETE ON grants BEGIN UPDATE changes SET definitions = definitions + 1; END;
CREATE TRIGGER owner_changed AFTER UPDATE OF owner ON objects BEGIN UPDATE changes SET definitions = definitions + 1; END;
CREATE TRIGGER class_added AFTER INSERT ON column_classes BEGIN UPDATE changes SET definitions = definitions + 1; END;
CREATE TRIGGER class_changed AFTER UPDATE ON column_classes BEGIN UPDATE changes SET definitions = definitions + 1; END;
CREATE TRIGGER class_dropped AFTER DELETE ON column_classes BEGIN UPDATE changes SET definitions = definitions + 1; END;
CREATE TRIGGER class_said AFTER INSERT ON column_classes BEGIN
        UPDATE stored_classes SET until = min(until, n.snapshot - 1) FROM newest_snapshots n
            WHERE n.object = new.object AND stored_classes.object = new.object AND "column" = new."column";
    END;
CREATE TRIGGER class_said_anew AFTER UPDATE ON column_classes BEGIN
        UPDATE stored_classes SET until = min(until, n.snapshot - 1) FROM newest_snapshots n
            WHERE n.object = new.object AND stored_classes.object = new.object AND "column" = new."column";
        INSERT INTO stored_classes (object, "column", class, until)
            SELECT n.object, old."column", old.class, n.snapshot - 1 FROM newest_snapshots n
            WHERE n.object = old.object AND old.class <> 'none'
            ON CONFLICT DO UPDATE SET until = max(until, excluded.until);
    END;
CREATE TRIGGER class_unsaid AFTER DELETE ON column_classes BEGIN
        INSERT INTO stored_classes (object, "column", class, until)
            SELECT n.object, old."column", old.class, n.snapshot - 1 FROM newest_snapshots n
            WHERE n.object = old.object AND old.class <> 'none'
            ON CONFLICT DO UPDATE SET until = max(until, excluded.until);
    END;
