using System.Security.Cryptography;
using BattKomp.Lab.Server.Features.Leases;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.V1;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Leases;

public sealed class LeaseSignatureTests
{
    [Fact]
    public void A_signature_verifies_with_the_public_key_and_an_altered_lease_does_not()
    {
        var folder = Directory.CreateTempSubdirectory("battlab-key-");
        try
        {
            using var key = new LeaseKeyFile(new LabOptions { DataDirectory = folder.FullName });
            var signed = key.Sign(new Lease { Name = "leases/a", Agent = "agents/a", BufferSeconds = 5 });
            using var agent = ECDsa.Create();
            agent.ImportSubjectPublicKeyInfo(key.Public.PublicKey.Span, out _);

            Assert.Equal(64, signed.Signature.Length);
            Assert.Equal(key.Public.KeyId, signed.KeyId);
            Assert.True(Verifies(agent, signed.Lease.ToByteArray(), signed.Signature.ToByteArray()));
            for (var i = 0; i < signed.Lease.Length; i++)
            {
                var altered = signed.Lease.ToByteArray();
                altered[i] ^= 1;
                Assert.False(Verifies(agent, altered, signed.Signature.ToByteArray()), $"byte {i} may be altered");
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void The_key_is_made_once_and_only_its_owner_reads_it()
    {
        var folder = Directory.CreateTempSubdirectory("battlab-key-");
        try
        {
            var options = new LabOptions { DataDirectory = folder.FullName };
            using var first = new LeaseKeyFile(options);
            using var second = new LeaseKeyFile(options);
            Assert.Equal(first.Public.KeyId, second.Public.KeyId);
            var file = Path.Combine(folder.FullName, "keys", "lease-key.pem");
            if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));

            File.WriteAllText(file, "not a key");
            using var broken = new LeaseKeyFile(options);
            Assert.Contains(file, Assert.Throws<InvalidDataException>(() => broken.Public).Message, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static bool Verifies(ECDsa key, byte[] lease, byte[] signature) =>
        key.VerifyData(lease, signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
}
