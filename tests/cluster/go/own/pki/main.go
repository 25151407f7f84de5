// Command pki writes the certificates and keys of a lab. It reads a list of wishes from its standard input and writes
// NAME.crt and NAME.key (and, for a bare key, NAME.pub) into the folder given as its argument.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

type wish struct {
	Name         string   `json:"name"`
	Kind         string   `json:"kind"` // ca, leaf or key
	Issuer       string   `json:"issuer"`
	CommonName   string   `json:"commonName"`
	Organization []string `json:"organization"`
	Names        []string `json:"names"` // DNS names and IP addresses
}

type pair struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "pki:", err)
		os.Exit(1)
	}
}

func run(folder string) error {
	var wishes []wish
	if err := json.NewDecoder(os.Stdin).Decode(&wishes); err != nil {
		return err
	}
	made := map[string]pair{}
	for _, wanted := range wishes {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		if err := writeKey(folder, wanted, key); err != nil {
			return err
		}
		if wanted.Kind == "key" {
			continue
		}
		certificate, err := sign(folder, wanted, key, made)
		if err != nil {
			return fmt.Errorf("%s: %w", wanted.Name, err)
		}
		made[wanted.Name] = pair{certificate, key}
	}
	return nil
}

func sign(folder string, wanted wish, key *ecdsa.PrivateKey, made map[string]pair) (*x509.Certificate, error) {
	template, err := templateOf(wanted)
	if err != nil {
		return nil, err
	}
	issuer := pair{template, key}
	if wanted.Kind != "ca" {
		known := false
		if issuer, known = made[wanted.Issuer]; !known {
			return nil, fmt.Errorf("unknown issuer %q: list it before", wanted.Issuer)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer.certificate, &key.PublicKey, issuer.key)
	if err != nil {
		return nil, err
	}
	if err := write(folder, wanted.Name+".crt", "CERTIFICATE", der, 0o644); err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func templateOf(wanted wish) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: wanted.CommonName, Organization: wanted.Organization},
		NotBefore:    time.Now().Add(-time.Hour), // clocks of a suspended machine may lag
		NotAfter:     time.Now().AddDate(1, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	if wanted.Kind == "ca" {
		template.IsCA, template.BasicConstraintsValid = true, true
		template.KeyUsage |= x509.KeyUsageCertSign
		return template, nil
	}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for _, name := range wanted.Names {
		if address := net.ParseIP(name); address != nil {
			template.IPAddresses = append(template.IPAddresses, address)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	return template, nil
}

func writeKey(folder string, wanted wish, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	if err := write(folder, wanted.Name+".key", "EC PRIVATE KEY", der, 0o600); err != nil || wanted.Kind != "key" {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	return write(folder, wanted.Name+".pub", "PUBLIC KEY", public, 0o644)
}

func write(folder, name, kind string, der []byte, mode os.FileMode) error {
	return os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}
