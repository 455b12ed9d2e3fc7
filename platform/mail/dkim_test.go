package mail_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/keyfile"
	"healthcare/platform/mail"
)

// pemOf returns a private key in PKCS #8.
func pemOf(t *testing.T, key any) keyfile.Secret {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return keyfile.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func TestDKIM(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	edPublic, edKey, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	for name, test := range map[string]struct {
		key    any
		verify func(digest, signature []byte) bool
	}{
		"with RSA": {rsaKey, func(digest, signature []byte) bool {
			return rsa.VerifyPKCS1v15(&rsaKey.PublicKey, crypto.SHA256, digest, signature) == nil
		}},
		"with Ed25519": {edKey, func(digest, signature []byte) bool {
			return ed25519.Verify(edPublic, digest, signature)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, nil)
			cfg := s.config("smtp", "", "")
			cfg.DKIMSelector, cfg.DKIMKey = "mail2026", pemOf(t, test.key)
			sender := newSender(t, cfg)
			m := newMessage()
			m.Text = "Trailing spaces  \n\n.dot\n\n\n"
			m.Headers = map[string]string{
				"List-Unsubscribe":      "<https://clinic.example/" + strings.Repeat("x", 100) + ">",
				"List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
			}
			for _, html := range []string{m.HTML, ""} {
				m.HTML = html
				require.NoError(t, sender.Send(t.Context(), m))
				messages := s.received()
				requireSigned(t, messages[len(messages)-1].content, test.verify)
			}
		})
	}
}

var (
	folds  = regexp.MustCompile(`\r\n([ \t])`)
	blanks = regexp.MustCompile(`[ \t]+`)
	tag    = regexp.MustCompile(`(?:^|;\s*)([a-z]+)=([^;]*)`)
	bValue = regexp.MustCompile(`(;\s*b=)[^;]*$`)
)

// requireSigned verifies a message as its receiver does: relaxed canonicalization (RFC 6376, sections 3.4.2 and 3.4.4).
func requireSigned(t *testing.T, content string, verify func(digest, signature []byte) bool) {
	t.Helper()
	head, body, found := strings.Cut(content, "\r\n\r\n")
	require.True(t, found)
	fields := map[string][]string{}
	for line := range strings.SplitSeq(folds.ReplaceAllString(head, "$1"), "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		name = strings.ToLower(strings.TrimSpace(name))
		fields[name] = append(fields[name], strings.TrimSpace(blanks.ReplaceAllString(value, " ")))
	}
	require.Len(t, fields["dkim-signature"], 1)
	signature := fields["dkim-signature"][0]
	tags := map[string]string{}
	for _, found := range tag.FindAllStringSubmatch(signature, -1) {
		tags[found[1]] = strings.ReplaceAll(found[2], " ", "")
	}
	require.Equal(t, "clinic.example", tags["d"])
	require.Equal(t, "mail2026", tags["s"])
	require.Equal(t, "relaxed/relaxed", tags["c"])

	lines := strings.Split(body, "\r\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(blanks.ReplaceAllString(line, " "), " ")
	}
	hash := sha256.Sum256([]byte(strings.TrimRight(strings.Join(lines, "\r\n"), "\r\n") + "\r\n"))
	require.Equal(t, base64.StdEncoding.EncodeToString(hash[:]), tags["bh"])

	var signed strings.Builder
	names := strings.Split(strings.ToLower(tags["h"]), ":")
	// Listed twice, so that a second header of the name breaks the signature (RFC 6376, section 5.4.2).
	for _, name := range []string{"from", "to", "subject", "date"} {
		require.Equal(t, 2, strings.Count(":"+tags["h"]+":", ":"+strings.ToUpper(name[:1])+name[1:]+":"), name)
	}
	for _, name := range names {
		if values := fields[name]; len(values) > 0 {
			signed.WriteString(name + ":" + values[len(values)-1] + "\r\n")
			fields[name] = values[:len(values)-1]
		}
	}
	for _, name := range []string{"from", "to", "subject", "date", "message-id", "content-type", "list-unsubscribe",
		"list-unsubscribe-post"} {
		require.Contains(t, names, name)
		require.Empty(t, fields[name], "%s is signed", name)
	}
	signed.WriteString("dkim-signature:" + bValue.ReplaceAllString(signature, "$1"))
	digest := sha256.Sum256([]byte(signed.String()))
	raw, err := base64.StdEncoding.DecodeString(tags["b"])
	require.NoError(t, err)
	require.True(t, verify(digest[:], raw), "%s", content)
	digest[0]++
	require.False(t, verify(digest[:], raw))
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	pkcs1 := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	_, err = mail.ParseKey(string(pkcs1))
	require.NoError(t, err)
	for _, text := range []string{"", password, strings.ReplaceAll(string(pkcs1), "RSA PRIVATE", "PUBLIC")} {
		_, err := mail.ParseKey(text)
		require.ErrorContains(t, err, "is not a private key in PEM")
		require.NotContains(t, err.Error(), password)
	}
}
