using System.Security.Cryptography;
using System.Text;

namespace BattKomp.Lab.EdgeAgent.Uplink;

/// <summary>
/// The agent's own key: ECDSA P-256 as PKCS#8 PEM, readable by the agent's user only. A key is first written as FILE.new and takes
/// its place when the server has accepted it, so that an interrupted enrolment goes on with the key that the server may already know.
/// </summary>
public static class AgentKeyFile
{
    /// <summary>The key in the file.</summary>
    /// <exception cref="InvalidDataException">It is no P-256 key; the message says what to do.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static ECDsa Load(string path)
    {
        var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(File.ReadAllText(path));
            if (key.KeySize == 256)
                return key;
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            key.Dispose();
            throw new InvalidDataException($"{path} is not a key in PEM; enrol this agent again with 'battlab-agent enrol'", e);
        }
        key.Dispose();
        throw new InvalidDataException($"{path} is not an ECDSA P-256 key; enrol this agent again with 'battlab-agent enrol'");
    }

    /// <summary>The key that waits for its enrolment; made when there is none.</summary>
    public static ECDsa Waiting(string path)
    {
        if (!File.Exists(New(path)))
            Write(New(path));
        return Load(New(path));
    }

    /// <summary>The waiting key has been accepted.</summary>
    public static void Accept(string path) => File.Move(New(path), path, overwrite: true);

    private static string New(string path) => path + ".new";

    private static void Write(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var temporary = path + ".tmp";
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        File.Delete(temporary);
        using (var file = new FileStream(temporary, options))
        {
            file.Write(Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem() + "\n"));
            file.Flush(flushToDisk: true);
        }
        File.Move(temporary, path, overwrite: true);
    }
}
