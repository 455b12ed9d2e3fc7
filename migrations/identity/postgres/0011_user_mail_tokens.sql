-- +goose Up
-- The tokens that are sent by e-mail are not stored. A row has the numbers of the valid ones, and whether the user has
-- proved to read the mailbox. A missing row stands for zeros. All of it is about one address: once users.email differs,
-- the numbers count as raised and the address as not verified, also if an older release changed it. The foreign key
-- cascades, for releases before this table.
CREATE TABLE user_mail_tokens (
    user_id       uuid PRIMARY KEY CONSTRAINT user_mail_tokens_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    address       text NOT NULL -- the SHA-256 of users.email, which SQLite cannot compute
        CONSTRAINT user_mail_tokens_address_check CHECK (length(address) = 64),
    resets        bigint NOT NULL CONSTRAINT user_mail_tokens_resets_check CHECK (resets >= 0),
    verifications bigint NOT NULL CONSTRAINT user_mail_tokens_verifications_check CHECK (verifications >= 0),
    verified      boolean NOT NULL
);
