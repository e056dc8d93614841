BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0009');
CREATE TABLE attempts (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	job_id INTEGER NOT NULL, 
	printer VARCHAR(64) NOT NULL, 
	began_at DOUBLE NOT NULL, 
	ended_at DOUBLE, 
	outcome VARCHAR(16) NOT NULL, 
	words TEXT NOT NULL, 
	permanent BOOLEAN NOT NULL, 
	strike BOOLEAN NOT NULL, 
	CONSTRAINT fk_attempts_job_id FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);
CREATE TABLE doubts (
	id INTEGER NOT NULL, 
	sending_id INTEGER NOT NULL, 
	printer VARCHAR(64) NOT NULL, 
	asked_at DOUBLE NOT NULL, 
	CONSTRAINT pk_doubts PRIMARY KEY (id), 
	CONSTRAINT fk_doubts_sending_id FOREIGN KEY(sending_id) REFERENCES sendings (id) ON DELETE CASCADE
);
CREATE TABLE ended_sessions (
	session VARCHAR(64) NOT NULL, 
	until DOUBLE NOT NULL, 
	CONSTRAINT pk_ended_sessions PRIMARY KEY (session)
);
CREATE TABLE films (
	job_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	content TEXT NOT NULL, digest VARCHAR(64) DEFAULT '' NOT NULL, 
	CONSTRAINT pk_films PRIMARY KEY (job_id, number), 
	CONSTRAINT fk_films_job_id FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);
INSERT INTO "films" VALUES(1,1,'{"attributes":{"ImageDisplayFormat":["STANDARD\\1,1"],"FilmOrientation":["PORTRAIT"],"FilmSizeID":["14INX17IN"],"BorderDensity":["BLACK"]},"image_boxes":[{"position":1,"attributes":{"Polarity":["NORMAL"]},"image":{"pixels":"c6fa73bd185826ba45e6166a63967f3f11062108ab5f618077a00871048e7ab6","length":9216,"rows":96,"columns":96,"bits_allocated":8,"bits_stored":8,"photometric":"MONOCHROME2","samples":1,"aspect_ratio":[]},"lut":null}],"lut":null}','fac5a75252bc3b30515397fdd4d743525d2ae1a700b91649f79599b0f496535b');
INSERT INTO "films" VALUES(2,1,'{"attributes":{"ImageDisplayFormat":["STANDARD\\1,1"],"FilmOrientation":["PORTRAIT"],"FilmSizeID":["14INX17IN"],"BorderDensity":["BLACK"]},"image_boxes":[{"position":1,"attributes":{"Polarity":["NORMAL"]},"image":{"pixels":"70058c1023c011028fde7f877c68ed54c629d582f251b7a1b4b2951993ba4fb8","length":9216,"rows":96,"columns":96,"bits_allocated":8,"bits_stored":8,"photometric":"MONOCHROME2","samples":1,"aspect_ratio":[]},"lut":null}],"lut":null}','c5798f471bf9b7179716768abfe7f99420d5eda154ec0429ad7d9836d771dc42');
INSERT INTO "films" VALUES(2,2,'{"attributes":{"ImageDisplayFormat":["STANDARD\\1,1"],"FilmOrientation":["PORTRAIT"],"FilmSizeID":["14INX17IN"],"BorderDensity":["BLACK"]},"image_boxes":[{"position":1,"attributes":{"Polarity":["NORMAL"]},"image":{"pixels":"cb8ceb32c97890eead181dbcf32207fa301b1662f2bc83c3d667d974856134f4","length":9216,"rows":96,"columns":96,"bits_allocated":8,"bits_stored":8,"photometric":"MONOCHROME2","samples":1,"aspect_ratio":[]},"lut":null}],"lut":null}','53aa08843ec1a7e6a11c4393770f0c9d0beac4b0f673f6bd1836bc91ca2e75af');
CREATE TABLE jobs (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	state VARCHAR(16) NOT NULL, 
	reason TEXT NOT NULL, 
	calling_ae VARCHAR(64) NOT NULL, 
	called_ae VARCHAR(64) NOT NULL, 
	peer VARCHAR(300) NOT NULL, 
	film_session VARCHAR(64) NOT NULL, 
	level VARCHAR(16) NOT NULL, 
	session TEXT NOT NULL, 
	films INTEGER NOT NULL, 
	copies INTEGER NOT NULL, 
	priority VARCHAR(8) NOT NULL, 
	priority_rank INTEGER NOT NULL, 
	needs_lut BOOLEAN NOT NULL, 
	printer VARCHAR(64) NOT NULL, 
	pinned VARCHAR(64) NOT NULL, 
	attempts INTEGER NOT NULL, 
	strikes_after INTEGER NOT NULL, 
	not_before DOUBLE NOT NULL, 
	wish VARCHAR(8) NOT NULL, 
	token VARCHAR(64) NOT NULL, 
	reprint_of INTEGER, 
	created_at DOUBLE NOT NULL, 
	updated_at DOUBLE NOT NULL, 
	assigned_at DOUBLE, remark TEXT DEFAULT '' NOT NULL, duplicate_of INTEGER, pixels_removed_at DOUBLE, digest VARCHAR(64) DEFAULT '' NOT NULL, bytes BIGINT, pixels_removed_why VARCHAR(16) DEFAULT '' NOT NULL, 
	CONSTRAINT fk_jobs_reprint_of FOREIGN KEY(reprint_of) REFERENCES jobs (id) ON DELETE SET NULL
);
INSERT INTO "jobs" VALUES(1,'queued','','CT1','BROKER','127.0.0.1:58010','4aac7899da2f4ac4ae407d3e39c8f62d','film box','{"NumberOfCopies":["1"],"MediumType":["BLUE FILM"]}',1,1,'MED',1,0,'','',0,0,0.0,'','',NULL,1.79608684481932973859e+09,1.79608684481932973859e+09,NULL,'',NULL,NULL,'d93a29234563a831c71ea9707aae3ab0b6888a0c604869ee2790254ec79b734b',9216,'');
INSERT INTO "jobs" VALUES(2,'queued','','CT1','BROKER','127.0.0.1:58024','ae2437a3800d49559cfcaf7f9003ba76','film session','{"NumberOfCopies":["1"],"MediumType":["BLUE FILM"]}',2,1,'MED',1,0,'','',0,0,0.0,'','',NULL,1.79608684491786861417e+09,1.79608684491786861417e+09,NULL,'',NULL,NULL,'e6546abcad414828e41de6722752f2721c5c2a063320294260434c610b52694b',18432,'');
CREATE TABLE orders (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	at DOUBLE NOT NULL, 
	who VARCHAR(64) NOT NULL, 
	verb VARCHAR(16) NOT NULL, 
	job_id INTEGER, 
	printer VARCHAR(64) NOT NULL, 
	words TEXT NOT NULL, 
	CONSTRAINT fk_orders_job_id FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);
CREATE TABLE printers (
	name VARCHAR(64) NOT NULL, 
	position INTEGER NOT NULL, 
	ae_title VARCHAR(64) NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	port INTEGER NOT NULL, 
	weight INTEGER NOT NULL, 
	associations INTEGER NOT NULL, 
	lut_level VARCHAR(16) NOT NULL, 
	duty VARCHAR(8) NOT NULL, 
	duty_reason TEXT NOT NULL, 
	duty_since DOUBLE NOT NULL, 
	health VARCHAR(16) NOT NULL, 
	health_since DOUBLE NOT NULL, 
	reason TEXT NOT NULL, 
	good_checks INTEGER NOT NULL, 
	bad_checks INTEGER NOT NULL, 
	last_check_at DOUBLE, 
	failures_in_row INTEGER NOT NULL, 
	paused_until DOUBLE NOT NULL, 
	supports_lut BOOLEAN, 
	films_accepted INTEGER NOT NULL, 
	failures INTEGER NOT NULL, removed_at DOUBLE, 
	CONSTRAINT pk_printers PRIMARY KEY (name)
);
INSERT INTO "printers" VALUES('oki-1',0,'OKI1','127.0.0.1',45437,100,1,'film box','ready','',1.79608684467475652698e+09,'down',1.79608684515564036364e+09,'oki-1: 127.0.0.1:45437 refused the connection',0,6,1.79608684577389597896e+09,0,0.0,NULL,0,0,NULL);
CREATE TABLE queue (
	id INTEGER NOT NULL, 
	identity VARCHAR(32) NOT NULL, 
	changes INTEGER NOT NULL, 
	changed_at DOUBLE NOT NULL, 
	bound BOOLEAN NOT NULL, 
	CONSTRAINT pk_queue PRIMARY KEY (id)
);
INSERT INTO "queue" VALUES(1,'781d0f7cc4d44c709561216db16bd7df',10,1796086845.775,1);
CREATE TABLE readiness (
	id INTEGER NOT NULL, 
	at DOUBLE NOT NULL, 
	CONSTRAINT pk_readiness PRIMARY KEY (id)
);
CREATE TABLE refusals (
	kind VARCHAR(64) NOT NULL, 
	number INTEGER NOT NULL, 
	first_at DOUBLE NOT NULL, 
	last_at DOUBLE NOT NULL, 
	last_peer VARCHAR(300) NOT NULL, last_address VARCHAR(300) DEFAULT '' NOT NULL, last_called_ae VARCHAR(64) DEFAULT '' NOT NULL, 
	CONSTRAINT pk_refusals PRIMARY KEY (kind)
);
CREATE TABLE refusals_of_callers (
	kind VARCHAR(64) NOT NULL, 
	calling_ae VARCHAR(64) NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	number INTEGER NOT NULL, 
	first_at DOUBLE NOT NULL, 
	last_at DOUBLE NOT NULL, 
	last_why TEXT NOT NULL, 
	CONSTRAINT pk_refusals_of_callers PRIMARY KEY (kind, calling_ae, host)
);
CREATE TABLE released (
	name VARCHAR(64) NOT NULL, 
	at DOUBLE NOT NULL, 
	CONSTRAINT pk_released PRIMARY KEY (name)
);
CREATE TABLE sendings (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	job_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	pass_number INTEGER NOT NULL, 
	copies INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	printer VARCHAR(64) NOT NULL, 
	asked_at DOUBLE, 
	accepted_at DOUBLE, 
	words TEXT NOT NULL, 
	CONSTRAINT fk_sendings_job_id FOREIGN KEY(job_id, number) REFERENCES films (job_id, number) ON DELETE CASCADE
);
INSERT INTO "sendings" VALUES(1,1,1,1,1,'waiting','',NULL,NULL,'');
INSERT INTO "sendings" VALUES(2,2,1,1,1,'waiting','',NULL,NULL,'');
INSERT INTO "sendings" VALUES(3,2,2,1,1,'waiting','',NULL,NULL,'');
CREATE TABLE spooled (
	name VARCHAR(64) NOT NULL, 
	job_id INTEGER NOT NULL, bytes BIGINT, 
	CONSTRAINT pk_spooled PRIMARY KEY (name, job_id), 
	CONSTRAINT fk_spooled_job_id FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);
INSERT INTO "spooled" VALUES('c6fa73bd185826ba45e6166a63967f3f11062108ab5f618077a00871048e7ab6',1,9216);
INSERT INTO "spooled" VALUES('70058c1023c011028fde7f877c68ed54c629d582f251b7a1b4b2951993ba4fb8',2,9216);
INSERT INTO "spooled" VALUES('cb8ceb32c97890eead181dbcf32207fa301b1662f2bc83c3d667d974856134f4',2,9216);
CREATE TABLE users (
	name VARCHAR(64) NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	password VARCHAR(300) NOT NULL, 
	since DOUBLE NOT NULL, 
	CONSTRAINT pk_users PRIMARY KEY (name)
);
CREATE INDEX ix_jobs_state_id ON jobs (state, id);
CREATE INDEX ix_jobs_film_session ON jobs (film_session, state, id);
CREATE INDEX ix_jobs_reprint_of ON jobs (reprint_of);
CREATE UNIQUE INDEX ix_sendings_order ON sendings (job_id, pass_number, number);
CREATE INDEX ix_sendings_film ON sendings (job_id, number);
CREATE INDEX ix_sendings_accepted_at ON sendings (accepted_at);
CREATE INDEX ix_attempts_job_id ON attempts (job_id, id);
CREATE INDEX ix_spooled_job_id ON spooled (job_id);
CREATE INDEX ix_jobs_waiting ON jobs (state, priority_rank, id);
CREATE INDEX ix_jobs_ended ON jobs (state, updated_at);
CREATE INDEX ix_films_digest ON films (digest);
CREATE INDEX ix_doubts_sending_id ON doubts (sending_id);
CREATE INDEX ix_orders_job_id ON orders (job_id);
CREATE INDEX ix_orders_printer ON orders (printer);
CREATE INDEX ix_jobs_kept ON jobs (updated_at) WHERE pixels_removed_at IS NULL AND +state IN ('cancelled', 'printed', 'sent');
CREATE INDEX ix_jobs_shed ON jobs (pixels_removed_at) WHERE pixels_removed_why = 'room';
CREATE INDEX ix_spooled_unweighed ON spooled (name) WHERE bytes IS NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('jobs',2);
INSERT INTO "sqlite_sequence" VALUES('sendings',3);
COMMIT;
