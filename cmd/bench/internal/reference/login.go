package reference

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"golang.org/x/crypto/argon2"
)

// The service's default parameters and concurrency of password hashing.
const (
	memory     = 19456 // KiB
	iterations = 2
	lanes      = 1
)

func places() int { return max(1, runtime.GOMAXPROCS(0)-1) }

// Hash returns the PHC string of a password, as the service stores it.
func Hash(password string) string {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails (crypto/rand)
	key := argon2.IDKey([]byte(password), salt, iterations, memory, lanes, 32)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf(
		"$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", memory, iterations, lanes, b64.EncodeToString(salt),
		b64.EncodeToString(key),
	)
}

func (s *server) proves(password, phc string) bool {
	parts := strings.Split(phc, "$")
	if len(parts) != 6 {
		return false
	}
	salt, _ := base64.RawStdEncoding.DecodeString(parts[4])
	stored, _ := base64.RawStdEncoding.DecodeString(parts[5])
	s.hashes <- struct{}{}
	defer func() { <-s.hashes }()
	return subtle.ConstantTimeCompare(argon2.IDKey([]byte(password), salt, iterations, memory, lanes, 32), stored) == 1
}

func (s *server) login(c *fiber.Ctx) error {
	var input struct{ Email, Password string }
	if err := c.BodyParser(&input); err != nil { //nolint:forbidigo // a minimal reference
		return err
	}
	user, err := s.store.account(c.UserContext(), strings.ToLower(input.Email))
	if err != nil {
		return err
	}
	if !s.proves(input.Password, user.PasswordHash) {
		return errToken
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	begun := session{
		ID: uuid.Must(
			uuid.NewV7(),
		),
		UserID:     user.ID,
		Client:     c.Get(fiber.HeaderUserAgent),
		CreatedAt:  instant{now},
		LastUsedAt: instant{now},
		ExpiresAt:  instant{now.Add(24 * time.Hour)},
	}
	if err := s.store.begin(c.UserContext(), begun); err != nil {
		return err
	}
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss":        "healthcare",
		"aud":        "healthcare-api",
		"sub":        user.ID.String(),
		"sid":        begun.ID.String(),
		"ver":        0,
		"iat":        now.Unix(),
		"exp":        now.Add(time.Hour).Unix(),
		"jti":        uuid.NewString(),
		"token_type": "access",
	})
	token.Header["typ"], token.Header["kid"] = "at+jwt", s.key.ID
	access, err := token.SignedString(s.key.Secret)
	if err != nil {
		return err
	}
	return c.JSON(struct {
		Refresh   string `json:"refresh"`
		Access    string `json:"access"`
		TokenType string `json:"token_type"`
		ExpiresIn int    `json:"expires_in"`
	}{rand.Text(), access, "Bearer", 3600})
}
