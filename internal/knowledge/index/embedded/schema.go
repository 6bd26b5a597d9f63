package embedded

// migrations make and change the database of an index.
//
// A document's chunks have neighboring numbers, in every table that is about
// chunks, so that no table needs another order than its own. What a search reads
// of many chunks at once is apart from what it reads of the few best: entry is
// read as a whole when the index is opened, vector for those that seem to be
// good, chunk for those that are.
//
// generation goes up with every transaction. That is how a reader knows whether
// memory is what it sees in the database, and what another process has changed.
var migrations = []string{`
CREATE TABLE meta (
	only       INTEGER PRIMARY KEY CHECK (only = 1),
	spec       TEXT    NOT NULL, -- JSON
	analyzer   INTEGER NOT NULL, -- which one made the terms
	generation INTEGER NOT NULL
);
CREATE TABLE document (
	number        INTEGER PRIMARY KEY,
	source        TEXT    NOT NULL,
	id            TEXT    NOT NULL,
	etag          TEXT    NOT NULL,
	metadata_etag TEXT    NOT NULL,
	modality      TEXT    NOT NULL,
	mime          TEXT    NOT NULL,
	size          INTEGER NOT NULL,
	status        TEXT    NOT NULL,
	reason        TEXT    NOT NULL,
	counted       INTEGER NOT NULL, -- chunks, as the document says
	updated       INTEGER NOT NULL, -- nanoseconds since 1970
	metadata      TEXT    NOT NULL, -- JSON
	first         INTEGER NOT NULL, -- number of its first chunk
	chunks        INTEGER NOT NULL, -- how many there are
	generation    INTEGER NOT NULL, -- that changed anything of it
	content       INTEGER NOT NULL, -- that changed its chunks
	UNIQUE (source, id)
);
CREATE INDEX document_generation ON document (generation);
CREATE TABLE removed ( -- documents that are gone
	generation INTEGER NOT NULL,
	document   INTEGER NOT NULL,
	PRIMARY KEY (generation, document)
) WITHOUT ROWID;
CREATE TABLE entry (
	number   INTEGER PRIMARY KEY,
	parent   INTEGER NOT NULL, -- position among the document's parents; -1: none
	page     INTEGER NOT NULL, -- from 0; -1: unknown
	metadata TEXT,             -- JSON, of this chunk alone
	code     BLOB    NOT NULL, -- see package vector
	terms    BLOB    NOT NULL  -- see package fulltext
);
CREATE TABLE vector (
	number INTEGER PRIMARY KEY,
	vector BLOB    NOT NULL -- float32, without the zeros at the end
);
CREATE TABLE chunk (
	number   INTEGER PRIMARY KEY,
	document INTEGER NOT NULL,
	id       TEXT    NOT NULL,
	text     TEXT    NOT NULL
);
CREATE TABLE parent (
	document INTEGER NOT NULL,
	position INTEGER NOT NULL,
	text     TEXT    NOT NULL,
	PRIMARY KEY (document, position)
);
CREATE TABLE term (
	number INTEGER PRIMARY KEY, -- from 0, without gaps
	term   BLOB    NOT NULL
);
CREATE TABLE outcome (
	job      TEXT NOT NULL,
	source   TEXT NOT NULL,
	document TEXT NOT NULL, -- its ID, also when it is gone
	outcome  TEXT NOT NULL,
	PRIMARY KEY (job, source, document)
) WITHOUT ROWID;
`}

// application marks the databases as an index of Outcrop.
const application = 0x4f637278 // "Ocrx"

// analyzer is the version of package fulltext's analyzer. An index whose terms
// another one made is analyzed anew when it is opened.
const analyzer = 1
