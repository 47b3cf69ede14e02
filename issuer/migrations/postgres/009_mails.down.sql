DROP TABLE outbox;
DROP TABLE mail_links;
DROP TABLE registrations;
