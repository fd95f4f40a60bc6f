using System.Text.Json;

namespace BattKomp.Lab.EdgeAgent.Instruments.MqttJson;

/// <summary>Messages that could not become records, each a file with its reason and its bytes; written to a temporary name and renamed.</summary>
public sealed class DeadLetters(string folder, TimeProvider machine)
{
    private long _count;

    /// <summary>Letters written since the start.</summary>
    public long Count => Interlocked.Read(ref _count);

    /// <summary>Where they lie.</summary>
    public string Folder => folder;

    /// <summary>Keeps a message; throws <see cref="IOException"/> when the disk does not take it, and then the message must not be acknowledged.</summary>
    public void Keep(string topic, ReadOnlySpan<byte> payload, string reason)
    {
        Directory.CreateDirectory(folder);
        var number = Interlocked.Increment(ref _count);
        var name = Path.Combine(folder, $"{machine.GetUtcNow().UtcTicks}-{number:D6}.json");
        var letter = JsonSerializer.SerializeToUtf8Bytes(new { topic, reason, received = machine.GetUtcNow(), payload_base64 = Convert.ToBase64String(payload) });
        File.WriteAllBytes(name + ".tmp", letter);
        File.Move(name + ".tmp", name, overwrite: true);
    }
}
