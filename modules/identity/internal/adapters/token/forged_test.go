package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // SHA-256 for crypto.Hash.New
	_ "crypto/sha512" // SHA-384 and SHA-512 for crypto.Hash.New
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/clock"
	"healthcare/platform/keyring"
)

// members holds the raw JSON values of an object's members, by name.
type members map[string]string

// object returns the JSON object with sorted names, so that a forged token is the same in every run.
func (m members) object() string {
	var fields []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		fields = append(fields, fmt.Sprintf("%q:%s", name, m[name]))
	}
	return "{" + strings.Join(fields, ",") + "}"
}

// with returns a copy in which a member has another raw value; without returns a copy that lacks it.
func (m members) with(name, raw string) members {
	changed := maps.Clone(m)
	changed[name] = raw
	return changed
}

func (m members) without(name string) members {
	changed := maps.Clone(m)
	delete(changed, name)
	return changed
}

func goodHeader() members {
	return members{"alg": `"HS256"`, "typ": `"at+jwt"`, "kid": quote(keyOf(newest).ID)}
}

func goodClaims() members {
	return members{
		"iss": `"https://care.example"`, "aud": `"healthcare"`, "sub": quote(user.String()),
		"sid": quote(session.String()),
		"ver": "7", "iat": second(0), "exp": second(900), "jti": quote(jti.String()), "token_type": `"access"`,
	}
}

func quote(s string) string { return `"` + s + `"` }

// second returns noon plus a number of seconds, as JSON.
func second(plus int64) string { return fmt.Sprint(noon.Unix() + plus) }

func keyOf(secret []byte) keyring.Key { return ring(secret).Newest(identity.AccessTokenKeys) }

func ring(newest []byte, previous ...[]byte) keyring.Ring {
	r, err := keyring.New(newest, previous...)
	if err != nil {
		panic(err)
	}
	return r
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// forge returns a token with any header and payload, signed with any HMAC.
func forge(head, body string, hash crypto.Hash, secret []byte) string {
	unsigned := b64(head) + "." + b64(body)
	mac := hmac.New(hash.New, secret)
	mac.Write([]byte(unsigned))
	return unsigned + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// signedByUs returns a token with the current key, so that only its content can be wrong.
func signedByUs(head, body string) string {
	return forge(head, body, crypto.SHA256, keyOf(newest).Secret)
}

func withHeader(name, raw string) string {
	return signedByUs(goodHeader().with(name, raw).object(), goodClaims().object())
}

func withClaim(name, raw string) string {
	return signedByUs(goodHeader().object(), goodClaims().with(name, raw).object())
}

// expiring returns a token of a quarter of an hour that expires at a second.
func expiring(at int64) string {
	return signedByUs(goodHeader().object(), goodClaims().with("iat", second(at-900)).with("exp", second(at)).object())
}

// genuine returns a token like Issue does, but the same in every run.
func genuine() string { return signedByUs(goodHeader().object(), goodClaims().object()) }

// forgeries returns tokens that must be rejected, each for one reason only.
func forgeries(t testing.TB) map[string]string {
	all := map[string]string{}
	for _, part := range []map[string]string{
		forgedSignatures(t), forgedHeaders(), forgedClaims(), forgedTypes(), forgedShapes(),
	} {
		for name, token := range part {
			require.NotContains(t, all, name, "two forgeries with one name")
			all[name] = token
		}
	}
	return all
}

func forgedSignatures(t testing.TB) map[string]string {
	good := genuine()
	unsigned := good[:strings.LastIndex(good, ".")]
	signature := good[strings.LastIndex(good, ".")+1:]
	head, body := goodHeader(), goodClaims().object()
	secret := keyOf(newest).Secret
	other := ring(newest).Newest("refresh token").Secret

	return map[string]string{
		"alg none, no signature":          b64(head.with("alg", `"none"`).object()) + "." + b64(body) + ".",
		"alg none, a signature":           withHeader("alg", `"none"`),
		"alg None":                        withHeader("alg", `"None"`),
		"alg NONE":                        withHeader("alg", `"NONE"`),
		"alg hs256":                       withHeader("alg", `"hs256"`),
		"alg empty":                       withHeader("alg", `""`),
		"alg with a NUL":                  withHeader("alg", `"HS256\u0000"`),
		"alg unknown":                     withHeader("alg", `"HS1"`),
		"alg HS384, signed so":            forge(head.with("alg", `"HS384"`).object(), body, crypto.SHA384, secret),
		"alg HS512, signed so":            forge(head.with("alg", `"HS512"`).object(), body, crypto.SHA512, secret),
		"alg HS256, signed with HS384":    forge(head.object(), body, crypto.SHA384, secret),
		"alg RS256, the HMAC's signature": withHeader("alg", `"RS256"`),
		"alg PS256, the HMAC's signature": withHeader("alg", `"PS256"`),
		"alg ES256, the HMAC's signature": withHeader("alg", `"ES256"`),
		"alg EdDSA, the HMAC's signature": withHeader("alg", `"EdDSA"`),
		"alg RS256, a foreign signature":  signedByForeignKey(t, jwt.SigningMethodRS256, body),
		"alg ES256, a foreign signature":  signedByForeignKey(t, jwt.SigningMethodES256, body),
		"alg EdDSA, a foreign signature":  signedByForeignKey(t, jwt.SigningMethodEdDSA, body),
		"no signature":                    unsigned + ".",
		"no signature, no dot":            unsigned,
		"signature of zeros":              unsigned + "." + b64(strings.Repeat("\x00", 32)),
		"signature cut by one byte":       unsigned + "." + b64(raw(t, signature)[:31]),
		"signature with one more byte":    unsigned + "." + b64(raw(t, signature)+"\x00"),
		"signature of another token": unsigned +
			withClaim("ver", "8")[strings.LastIndex(withClaim("ver", "8"), "."):],
		"signature over another payload": b64(head.object()) + "." + b64(goodClaims().with("ver", "8").object()) +
			"." + signature,
		"signature with its last bits set": good[:len(good)-1] + withUnusedBit(good[len(good)-1]),
		"key: the secret itself":           forge(head.object(), body, crypto.SHA256, newest),
		"key: empty":                       forge(head.object(), body, crypto.SHA256, nil),
		"key: of another purpose":          forge(head.object(), body, crypto.SHA256, other),
		"key: the kid":                     forge(head.object(), body, crypto.SHA256, []byte(keyOf(newest).ID)),
		"key: an older one with this kid":  forge(head.object(), body, crypto.SHA256, keyOf(older).Secret),
		"key: this one with an older kid":  withHeader("kid", quote(keyOf(older).ID)),
		"key: a removed one": forge(head.with("kid", quote(keyOf(removed).ID)).object(), body, crypto.SHA256,
			keyOf(removed).Secret),
	}
}

func forgedHeaders() map[string]string {
	all := map[string]string{
		"kid missing":              signedByUs(goodHeader().without("kid").object(), goodClaims().object()),
		"typ missing":              signedByUs(goodHeader().without("typ").object(), goodClaims().object()),
		"alg missing":              signedByUs(goodHeader().without("alg").object(), goodClaims().object()),
		"header of nothing":        signedByUs("{}", goodClaims().object()),
		"header empty":             signedByUs("", goodClaims().object()),
		"header null":              signedByUs("null", goodClaims().object()),
		"header an array":          signedByUs("["+goodHeader().object()+"]", goodClaims().object()),
		"header a string":          signedByUs(`"HS256"`, goodClaims().object()),
		"header with more after":   signedByUs(goodHeader().object()+"{}", goodClaims().object()),
		"header not JSON":          signedByUs("alg=HS256", goodClaims().object()),
		"header not UTF-8":         withHeader("\xff", `"x"`),
		"header nested deep":       withHeader("x", strings.Repeat("[", 300)+strings.Repeat("]", 300)),
		"header with ALG beside":   withHeader("ALG", `"none"`),
		"header with Kid beside":   withHeader("Kid", `"x"`),
		"header with alg twice":    signedByUs(withDuplicate(goodHeader(), "alg", `"HS256"`), goodClaims().object()),
		"header with alg and none": signedByUs(withDuplicate(goodHeader(), "alg", `"none"`), goodClaims().object()),
		"header with kid twice":    signedByUs(withDuplicate(goodHeader(), "kid", `"x"`), goodClaims().object()),
		"header with alg escaped": signedByUs(withDuplicate(goodHeader(), `\u0061lg`, `"none"`),
			goodClaims().object()),
	}
	for name, raw := range map[string]string{
		"kid a path": `"../../../../dev/null"`, "kid SQL": `"x' OR '1'='1"`, "kid a command": `"x|/bin/true"`,
		"kid a URL": `"https://evil.example/k"`, "kid empty": `""`, "kid unknown": `"AAAAAAAAAAA"`, "kid null": "null",
		"kid of 33 characters": quote(strings.Repeat("A", 33)), "kid of 1,000": quote(strings.Repeat("A", 1000)),
		"kid a number": "1", "kid an array": "[" + quote(keyOf(newest).ID) + "]", "kid an object": "{}",
		"kid with a NUL": quote(keyOf(newest).ID + `\u0000`), "kid with a line break": quote(keyOf(newest).ID + `\n`),
		"kid with a space": quote(" " + keyOf(newest).ID), "kid in capitals": quote(strings.ToUpper(keyOf(newest).ID)),
		"typ JWT": `"JWT"`, "typ rt+jwt": `"rt+jwt"`, "typ AT+JWT": `"AT+JWT"`, "typ empty": `""`, "typ null": "null",
		"typ application/at+jwt": `"application/at+jwt"`, "typ an array": `["at+jwt"]`,
		"alg null": "null", "alg a number": "256", "alg an array": `["HS256"]`, "alg an object": `{"HS256":1}`,
		"alg true": "true",
		"crit":     `["exp"]`, "crit empty": "[]", "jku": `"https://evil.example/jwks"`,
		"jwk": `{"kty":"oct","k":"AA"}`, "x5u": `"https://evil.example/x"`, "x5c": `["AA"]`, "x5t": `"AA"`,
		"zip": `"DEF"`, "b64": "false", "cty": `"JWT"`, "enc": `"A128GCM"`, "evil": "1",
	} {
		member, _, _ := strings.Cut(name, " ")
		all["header "+name] = withHeader(member, raw)
	}
	return all
}

func forgedClaims() map[string]string {
	all := map[string]string{
		"claims of nothing":        signedByUs(goodHeader().object(), "{}"),
		"claims empty":             signedByUs(goodHeader().object(), ""),
		"claims null":              signedByUs(goodHeader().object(), "null"),
		"claims an array":          signedByUs(goodHeader().object(), "["+goodClaims().object()+"]"),
		"claims a string":          signedByUs(goodHeader().object(), `"access"`),
		"claims with more after":   signedByUs(goodHeader().object(), goodClaims().object()+"{}"),
		"claims with a NUL after":  signedByUs(goodHeader().object(), goodClaims().object()+"\x00"),
		"claims with a BOM before": signedByUs(goodHeader().object(), "\ufeff"+goodClaims().object()),
		"claims cut":               signedByUs(goodHeader().object(), strings.TrimSuffix(goodClaims().object(), "}")),
		"claims with a comma": signedByUs(goodHeader().object(),
			strings.TrimSuffix(goodClaims().object(), "}")+",}"),
		"claims nested deep": withClaim("x", strings.Repeat("[", 600)+strings.Repeat("]", 600)),
		"claims with sub escaped": signedByUs(goodHeader().object(),
			withDuplicate(goodClaims(), `\u0073ub`, quote(session.String()))),
		"claims with SUB beside":     withClaim("SUB", quote(session.String())),
		"claims with an unknown one": withClaim("evil", "true"),
		"claims with nbf to come":    withClaim("nbf", second(3600)),
		"claims with a cnf":          withClaim("cnf", `{"jkt":"x"}`),
		"claims of a past second":    expiring(-30),
		"claims issued a day ahead":  expiring(86401 + 900),
		"claims of yesterday":        expiring(-86400),
	}
	for name, raw := range goodClaims() {
		all["claim missing: "+name] = signedByUs(goodHeader().object(), goodClaims().without(name).object())
		all["claim twice: "+name] = signedByUs(goodHeader().object(), withDuplicate(goodClaims(), name, raw))
		all["claim in capitals: "+name] = signedByUs(goodHeader().object(),
			goodClaims().without(name).with(strings.ToUpper(name), raw).object())
	}
	for name, raw := range map[string]string{
		"iss of another": `"https://evil.example"`, "iss longer": `"https://care.example/"`,
		"iss shorter":     `"https://care.exampl"`,
		"iss in capitals": `"HTTPS://CARE.EXAMPLE"`,
		"aud of another":  `"billing"`, "aud two": `["healthcare","billing"]`,
		"aud ours twice": `["healthcare","healthcare"]`,
		"aud no one":     `[]`, "aud of another in an array": `["billing"]`, "aud nested": `[["healthcare"]]`,
		"aud ours and null": `["healthcare",null]`, "aud a null": `[null]`, "aud longer": `"healthcare2"`,
		"exp before iat": second(-1), "exp at iat": second(0), "exp negative": "-1", "exp zero": "0",
		"exp a day and a second after iat": second(86401), "exp in the year 10000": "253402300800",
		"exp huge": "9223372036854775807", "exp beyond int64": "9223372036854775808", "exp 1e400": "1e400",
		"exp a float": second(900) + ".5", "exp an exponent": "2e9", "exp NaN": "NaN", "exp Infinity": "Infinity",
		"exp minus zero": "-0", "exp -Infinity": "-Infinity", "exp hexadecimal": "0x7fffffff",
		"exp with a zero in front": "0" + second(900),
		"iat negative":             "-1", "iat zero": "0", "iat a float": second(0) + ".5",
		"iat a day and a second before exp": second(900 - 86401), "iat smallest": "-9223372036854775808",
		"ver negative": "-1", "ver a float": "7.0", "ver an exponent": "7e0", "ver beyond int64": "9223372036854775808",
		"sub empty": `""`, "sub no UUID": `"1"`, "sub in capitals": quote(strings.ToUpper(user.String())),
		"sub without dashes": quote(strings.ReplaceAll(user.String(), "-", "")),
		"sub in braces":      quote("{" + user.String() + "}"),
		"sub a URN":          quote("urn:uuid:" + user.String()), "sub zero": `"00000000-0000-0000-0000-000000000000"`,
		"sub with a space": quote(user.String() + " "), "sub SQL": `"1 OR 1=1"`, "sub not UTF-8": "\"\xff\"",
		"sub half a surrogate": `"\ud800"`,
		"sid empty":            `""`, "sid in capitals": quote(strings.ToUpper(session.String())),
		"sid without dashes": quote(strings.ReplaceAll(session.String(), "-", "")),
		"sid zero":           `"00000000-0000-0000-0000-000000000000"`,
		"jti empty":          `""`, "jti no UUID": `"1"`,
		"token_type refresh": `"refresh"`, "token_type empty": `""`, "token_type Access": `"Access"`,
		"token_type list": `["access"]`,
	} {
		claim, _, _ := strings.Cut(name, " ")
		all["claim "+name] = withClaim(claim, raw)
	}
	return all
}

// forgedTypes returns tokens in which a claim has a wrong JSON type.
func forgedTypes() map[string]string {
	all := map[string]string{}
	for claim, good := range goodClaims() {
		wrong := map[string]string{"null": "null", "true": "true", "object": "{}", "array": "[1]"}
		if strings.HasPrefix(good, `"`) {
			wrong["number"] = "1"
			wrong["object around"] = `{"x":` + good + "}"
		} else {
			wrong["string"] = quote(good)
			wrong["array around"] = "[" + good + "]"
		}
		for kind, raw := range wrong {
			all["claim "+claim+" is a JSON "+kind] = withClaim(claim, raw)
		}
	}
	return all
}

func forgedShapes() map[string]string {
	good := genuine()
	parts := strings.Split(good, ".")
	middle := len(good) / 2
	long := signedByUs(goodHeader().object(), goodClaims().object()+strings.Repeat(" ", maxLength))
	return map[string]string{
		"empty":                       "",
		"one dot":                     ".",
		"two dots":                    "..",
		"three dots":                  "...",
		"a thousand dots":             strings.Repeat(".", 1000),
		"one part":                    parts[0],
		"two parts":                   parts[0] + "." + parts[1],
		"four parts":                  good + ".x",
		"four parts, the last empty":  good + ".",
		"five parts, as if encrypted": good + "." + parts[0] + "." + parts[1],
		"no header":                   "." + parts[1] + "." + parts[2],
		"no payload":                  parts[0] + ".." + parts[2],
		"parts swapped":               parts[1] + "." + parts[0] + "." + parts[2],
		"padded":                      good + "=",
		"padded everywhere":           parts[0] + "=." + parts[1] + "=." + parts[2] + "=",
		"a space before":              " " + good,
		"a space after":               good + " ",
		"a line break after":          good + "\n",
		"a line break inside":         good[:middle] + "\n" + good[middle:],
		"a carriage return inside":    good[:len(good)-5] + "\r" + good[len(good)-5:],
		"a tab inside":                good[:middle] + "\t" + good[middle:],
		"a NUL after":                 good + "\x00",
		"a NUL inside":                good[:middle] + "\x00" + good[middle:],
		"only a NUL":                  "\x00",
		"not UTF-8":                   good + "\xff",
		"the standard alphabet":       parts[0] + "." + parts[1] + ".+/" + parts[2][2:],
		"Bearer in front":             "Bearer " + good,
		"quoted":                      `"` + good + `"`,
		"percent-encoded":             strings.ReplaceAll(good, ".", "%2E"),
		"truncated by one":            good[:len(good)-1],
		"truncated in the payload":    good[:middle],
		"one character more":          good + "A",
		"twice":                       good + good,
		"2 KiB and more, well signed": long,
		"64 KiB of A":                 strings.Repeat("A", 65536),
		"64 KiB of parts":             strings.Repeat("A.", 32768),
		"JSON serialisation": `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` +
			parts[2] + `"}`,
	}
}

// withDuplicate returns the object with one more member at the end.
func withDuplicate(m members, name, raw string) string {
	return strings.TrimSuffix(m.object(), "}") + `,"` + name + `":` + raw + "}"
}

func raw(t testing.TB, segment string) string {
	data, err := base64.RawURLEncoding.DecodeString(segment)
	require.NoError(t, err)
	return string(data)
}

// withUnusedBit sets an unused bit in the last character of a 32-byte signature. Lax decoders ignore it.
func withUnusedBit(last byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, last)|1])
}

// signedByForeignKey returns a token with a foreign key of another algorithm.
func signedByForeignKey(t testing.TB, method jwt.SigningMethod, body string) string {
	unsigned := b64(goodHeader().with("alg", quote(method.Alg())).object()) + "." + b64(body)
	signature, err := method.Sign(unsigned, foreignKey(t, method))
	require.NoError(t, err)
	return unsigned + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func foreignKey(t testing.TB, method jwt.SigningMethod) any {
	var k any
	var err error
	switch method {
	case jwt.SigningMethodRS256:
		k, err = rsa.GenerateKey(rand.Reader, 2048)
	case jwt.SigningMethodES256:
		k, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		_, k, err = ed25519.GenerateKey(rand.Reader)
	}
	require.NoError(t, err)
	return k
}

func TestR10_ForgedTokens(t *testing.T) {
	tokens := open(t, config(), clock.At(noon))

	t.Run("the genuine token is accepted, so each forgery has one fault only", func(t *testing.T) {
		got, err := tokens.Verify(genuine())
		require.NoError(t, err)
		require.Equal(t, ports.Claims{UserID: user, SessionID: session, Version: 7}, got)
	})
	t.Run("other spellings of it are accepted", func(t *testing.T) {
		for _, token := range []string{
			withClaim("aud", `["healthcare"]`), withClaim("iat", second(890)), expiring(86400 + 900),
			withClaim("exp", second(86400)), withClaim("ver", "0"), expiring(-29),
			withHeader("kid", quote(fmt.Sprintf(`\u%04x`, keyOf(newest).ID[0])+keyOf(newest).ID[1:])),
			signedByUs(goodHeader().object()+" ", " "+goodClaims().object()+"\n"),
			forge(goodHeader().with("kid", quote(keyOf(older).ID)).object(), goodClaims().object(), crypto.SHA256,
				keyOf(older).Secret),
		} {
			_, err := tokens.Verify(token)
			require.NoError(t, err)
		}
	})

	all := forgeries(t)
	require.GreaterOrEqual(t, len(all), 60)
	t.Logf("%d forged tokens", len(all))
	for name, token := range all {
		t.Run(name, func(t *testing.T) {
			require.NotEqual(t, genuine(), token)
			requireRefused(t, tokens, token)
			requireNoLeak(t, tokens, token)
		})
	}
}

// requireNoLeak verifies R-26: the text of an error contains nothing of the token.
func requireNoLeak(t *testing.T, tokens ports.Tokens, token string) {
	t.Helper()
	_, err := tokens.Verify(token)
	require.NotContains(t, err.Error(), "evil")
	for _, value := range []string{user.String(), session.String(), "healthcare\"", "care.example"} {
		require.NotContains(t, err.Error(), value)
	}
	for segment := range strings.SplitSeq(token, ".") {
		if len(segment) >= 8 {
			require.NotContains(t, err.Error(), segment[:8])
		}
	}
}

func TestR10_X12_EachCheckRejects(t *testing.T) {
	verifier := open(t, config(), clock.At(noon)).(*tokens)

	t.Run("the cause names the check", func(t *testing.T) {
		all := forgeries(t)
		for name, want := range map[string]error{
			"2 KiB and more, well signed": errLength, "64 KiB of A": errLength,
			"empty": errShape, "a line break inside": errShape, "padded": errShape, "four parts": errShape,
			"no signature": errShape,
			"header jku":   errHeader, "header with kid twice": errHeader, "header with more after": errHeader,
			"header typ JWT": errType, "typ missing": errType,
			"alg HS384, signed so": errMethod, "alg none, a signature": errMethod, "alg missing": errMethod,
			"header kid a path": errKeyID, "header kid of 33 characters": errKeyID, "kid missing": errKeyID,
			"header kid unknown": errUnknown, "key: a removed one": errUnknown,
			"key: empty": jwt.ErrTokenSignatureInvalid, "signature of zeros": jwt.ErrTokenSignatureInvalid,
			"signature with its last bits set": jwt.ErrTokenMalformed,
			"claim iss of another":             jwt.ErrTokenInvalidIssuer,
			"claim aud of another":             jwt.ErrTokenInvalidAudience,
			"claims of a past second":          jwt.ErrTokenExpired, "claims issued a day ahead": errAhead,
			"claim twice: sub": errClaims, "claims with SUB beside": errClaims, "claim aud two": errClaims,
			"claim exp a float": errClaims,
			"claim exp huge":    errDates, "claim exp negative": errDates, "claim iat zero": errDates,
			"claim missing: exp": errDates,
			"claim missing: iat": errDates, "claim exp in the year 10000": errDates,
			"claim exp at iat": errLifetime, "claim exp a day and a second after iat": errLifetime,
			"claim token_type refresh": errTokenType, "claim missing: ver": errVersion,
			"claim ver negative":  errVersion,
			"claim sub in braces": errUUID, "claim sid zero": errUUID, "claim jti no UUID": errUUID,
		} {
			require.Contains(t, all, name)
			_, err := verifier.Verify(all[name])
			require.ErrorIs(t, err, want, name)
		}
	})

	t.Run("X12: golang-jwt rejects tokens that it accepts by default", func(t *testing.T) {
		parse := func(token string) error {
			_, err := verifier.parser.Parse(token, func(*jwt.Token) (any, error) { return keyOf(newest).Secret, nil })
			return err
		}
		require.NoError(t, parse(genuine()))
		for want, token := range map[error]string{
			jwt.ErrTokenSignatureInvalid: forge(goodHeader().with("alg", `"HS384"`).object(), goodClaims().object(),
				crypto.SHA384,
				keyOf(newest).Secret),
			jwt.ErrTokenRequiredClaimMissing: signedByUs(goodHeader().object(), goodClaims().without("exp").object()),
			jwt.ErrTokenExpired:              expiring(-30),
			jwt.ErrTokenInvalidIssuer:        withClaim("iss", `"x"`),
			jwt.ErrTokenInvalidAudience:      withClaim("aud", `"x"`),
			jwt.ErrTokenMalformed:            genuine()[:len(genuine())-1] + withUnusedBit(genuine()[len(genuine())-1]),
		} {
			require.ErrorIs(t, parse(token), want)
		}
	})
}

func TestR10_EveryChangedCharacterIsRejected(t *testing.T) {
	tokens := open(t, config(), clock.At(noon))
	good := genuine()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=\n"
	for i := range good {
		others := alphabet
		if i < len(good)-2 && good[i] != '.' {
			others = string([]byte{good[i] ^ 1, '.', '\n'}) // all characters at the trailing bits, a few elsewhere
		}
		for _, c := range []byte(others) {
			if c != good[i] {
				requireRefused(t, tokens, good[:i]+string(c)+good[i+1:])
			}
		}
		requireRefused(t, tokens, good[:i])
		requireRefused(t, tokens, good[:i]+good[i+1:])
	}
}
