BEGIN TRANSACTION;
CREATE TABLE spend (
    lease TEXT PRIMARY KEY,
    trace_id TEXT NOT NULL,
    deployment TEXT NOT NULL,
    amount INTEGER NOT NULL,
    cost INTEGER,
    input_tokens INTEGER,
    output_tokens INTEGER,
    estimated INTEGER,
    at REAL NOT NULL,
    expires REAL
);
INSERT INTO "spend" VALUES('3136becb039d44adaad3061d867d0a9c','run1','claude-sonnet/direct',1100,1100,800,60,0,1790000000.0,NULL);
INSERT INTO "spend" VALUES('df8c43b0481a4077adcb6a08a66d4326','run2','gpt-5/direct',700,NULL,NULL,NULL,NULL,1790000000.0,1790000900.0);
CREATE INDEX spend_at ON spend (at);
CREATE INDEX spend_trace ON spend (trace_id);
COMMIT;
PRAGMA user_version = 0;
