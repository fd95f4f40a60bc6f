using System.IO.Ports;

namespace BattKomp.Lab.Tests.Simulators;

/// <summary>Plays the PC at the other end of the line: reads all that comes, keeps bytes and whole frames.</summary>
internal sealed class EbcHost : IDisposable
{
    private const int FrameLength = 19;
    private readonly SerialPort _port;
    private readonly Lock _gate = new();
    private readonly List<byte> _bytes = [];
    private readonly Task _reading;

    internal EbcHost(string path)
    {
        _port = new SerialPort(path, 9600, Parity.Even, 8, StopBits.One);
        _port.Open();
        _reading = Task.Run(ReadAsync);
    }

    internal bool Ended => _reading.IsCompleted;

    internal int ByteCount
    {
        get
        {
            lock (_gate) return _bytes.Count;
        }
    }

    internal void Send(byte[] bytes) => _port.BaseStream.Write(bytes);

    internal byte[] Bytes()
    {
        lock (_gate) return [.. _bytes];
    }

    internal void Clear()
    {
        lock (_gate) _bytes.Clear();
    }

    /// <summary>Payloads of all frames whose length, end and checksum hold, found by this test's own arithmetic.</summary>
    internal List<byte[]> Reports()
    {
        var bytes = Bytes();
        var found = new List<byte[]>();
        for (var at = 0; at + FrameLength <= bytes.Length;)
        {
            var frame = bytes[at..(at + FrameLength)];
            var sum = frame[1..17].Aggregate(0, (a, b) => a ^ b);
            if (frame[0] == 0xFA && frame[18] == 0xF8 && frame[17] == sum)
            {
                found.Add(frame[1..17]);
                at += FrameLength;
            }
            else
            {
                at++;
            }
        }
        return found;
    }

    internal byte[]? Latest => Reports() is { Count: > 0 } all ? all[^1] : null;

    internal byte LatestType => Latest?[0] ?? 0xFF;

    internal static int Number(byte[] payload, int at) => payload[at] * 240 + payload[at + 1];

    public void Dispose()
    {
        // Closing a line that died under a reader can block; nobody waits for it.
        var closing = Task.Run(_port.Dispose);
        closing.Wait(TimeSpan.FromSeconds(2));
    }

    private async Task ReadAsync()
    {
        var buffer = new byte[4096];
        try
        {
            while (true)
            {
                var count = await _port.BaseStream.ReadAsync(buffer);
                if (count == 0) return;
                lock (_gate) _bytes.AddRange(buffer.AsSpan(0, count));
            }
        }
        catch (Exception)
        {
            // The line died or was closed: Ended says so.
        }
    }
}
