-- +goose NO TRANSACTION
-- +goose Up
-- The queue of rows whose search_text an earlier release computed without the current folding of characters. A row
-- leaves the index when its text is recomputed. platform/database/search_stale.go generates the condition.
DROP INDEX CONCURRENTLY IF EXISTS patients_search_text_stale_idx; -- an interrupted attempt leaves an invalid index
CREATE INDEX CONCURRENTLY patients_search_text_stale_idx ON patients (id)
    WHERE (search_text ~ '[`\u02B9\u02BB-\u02BF\u02C8\u02CA-\u02CB\u055A\u05F3\u2018-\u201B\u2032\u2035\u2039-\u203A\u275B-\u275C\uA78B-\uA78C\u00AB\u00BB\u02BA\u02EE\u05F4\u201C-\u201F\u275D-\u275E\u301D-\u301F\u02D7\u058A\u05BE\u1400\u1806\u2010-\u2015\u2043\u2212\u2E17\u2E1A\u2E3A-\u2E3B\u2E40\u301C\u3030\u30A0\u2044\u2215\u0085\u1680\u2028-\u2029\u2800\u00AD\u061C\u0640\u115F-\u1160\u180E\u200B-\u200F\u202A-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB\U000E0001\U000E0020-\U000E007F\u00E6\u0153\u00FE\u0180\u0253\u00F0\u0111\u0256-\u0257\u025B\u0127\u0131\u0268\u0199\u0142\u014B\u0272\u00F8\u0254\u0167\u0289\u01B4\u0649\u06CC\u06A9]' OR name ~ '[`\u00B4\u0384\u1FBD\u1FBF\u1FFD\u1FFE]' AND strpos(search_text, '''') = 0);
