-- +goose Up
-- An append takes the first unlocked chain, so that concurrent transactions do not wait for each other's commits.
INSERT INTO audit_heads (chain, sequence, mac, anchor_sequence, anchor_mac) VALUES
    (2, 0, '\xe8235a5964bf0d2f768dfff46a44ca02a85bc3033225e6496cb139a9acf07ae0', 0, '\xe8235a5964bf0d2f768dfff46a44ca02a85bc3033225e6496cb139a9acf07ae0'),
    (3, 0, '\x5b268ad6739506cc224a660b9de3d454149e1c0a26caad9d1fea8176aa76fbe8', 0, '\x5b268ad6739506cc224a660b9de3d454149e1c0a26caad9d1fea8176aa76fbe8'),
    (4, 0, '\x5cca2299134ac1afcd41414465cec2824e998961ab25cf3036c6855dba213dad', 0, '\x5cca2299134ac1afcd41414465cec2824e998961ab25cf3036c6855dba213dad'),
    (5, 0, '\xffd1212a16f68d505cd6abe94c6ab921215220f60dfd117a06da8df790ddc9c6', 0, '\xffd1212a16f68d505cd6abe94c6ab921215220f60dfd117a06da8df790ddc9c6'),
    (6, 0, '\xf419f7e1201bcdc3f818b58e453643682ea88e72831c524c8f00f52d0c82dfc8', 0, '\xf419f7e1201bcdc3f818b58e453643682ea88e72831c524c8f00f52d0c82dfc8'),
    (7, 0, '\x77bf03be311387804671526e01e2f6a5bdb9da0b58cd9413ac5a5c81a120526d', 0, '\x77bf03be311387804671526e01e2f6a5bdb9da0b58cd9413ac5a5c81a120526d'),
    (8, 0, '\x0998025b09be9224e42673c5a8bc7a31f3b16c4ea90604e0e6f1c0549c9a8d44', 0, '\x0998025b09be9224e42673c5a8bc7a31f3b16c4ea90604e0e6f1c0549c9a8d44');

-- The list of all entries includes all chains. Its index starts with an expression that is 0 in every row and that no
-- other list uses, so that no plan scans it for the others.
CREATE INDEX audit_entries_expr_created_at_idx ON audit_entries ((chain * 0), created_at DESC, id DESC);
DROP INDEX audit_entries_chain_created_at_idx;
