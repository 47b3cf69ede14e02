-- What the owner of an account reads, as a tag (BCP 47), and in which language a mail is to be. NULL: nobody has said so, and it is
-- the language of the settings. No list of tags: one that a program has no texts in is as none to it.
ALTER TABLE users ADD COLUMN language TEXT;
ALTER TABLE outbox ADD COLUMN language TEXT;
