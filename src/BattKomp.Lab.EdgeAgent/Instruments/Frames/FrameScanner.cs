using System.Buffers;

namespace BattKomp.Lab.EdgeAgent.Instruments.Frames;

/// <summary>Length of the frame that would begin with <paramref name="head"/>: above 0, else <see cref="FrameScanner.NoFrame"/> or <see cref="FrameScanner.TooShort"/>.</summary>
public delegate int FrameLength(ReadOnlySpan<byte> head);

/// <summary>Decodes a frame of the length just told; false when it is none after all (checksum, border).</summary>
public delegate bool FrameDecode<T>(ReadOnlySpan<byte> frame, out T value);

/// <summary>Finds frames in a byte stream by length and checksum. Pure; throws for no input; every byte is passed at most once for good.</summary>
public static class FrameScanner
{
    /// <summary>No frame begins here.</summary>
    public const int NoFrame = 0;

    /// <summary>More bytes are needed to tell.</summary>
    public const int TooShort = -1;

    private const int Window = 4096;

    /// <summary>
    /// Takes the next frame. Returns false when more bytes are needed; <paramref name="input"/> is advanced past everything decided so far and
    /// <paramref name="skipped"/> counts bytes that belonged to no frame. A frame may have at most 4096 bytes.
    /// </summary>
    public static bool TryTake<T>(ref ReadOnlySequence<byte> input, FrameLength length, FrameDecode<T> decode, out T value, out long skipped)
    {
        skipped = 0;
        while (!input.IsEmpty)
        {
            var part = input.Slice(0, Math.Min(Window, input.Length));
            var bytes = part.IsSingleSegment ? part.FirstSpan : part.ToArray();
            var found = Scan(bytes, length, decode, out value, out var at, out var taken);
            skipped += at;
            input = input.Slice(at + taken);
            if (found)
                return true;
            // Undecided at the very start with all that there is in view: only more bytes help.
            if (at == 0 || part.Length == input.Length + at)
                break;
        }
        value = default!;
        return false;
    }

    private static bool Scan<T>(ReadOnlySpan<byte> bytes, FrameLength length, FrameDecode<T> decode, out T value, out int at, out int taken)
    {
        for (at = 0; at < bytes.Length; at++)
        {
            var need = length(bytes[at..]);
            if (need == NoFrame)
                continue;
            if (need < 0 || need > bytes.Length - at)
                break;
            if (decode(bytes.Slice(at, need), out value))
            {
                taken = need;
                return true;
            }
        }
        (value, taken) = (default!, 0);
        return false;
    }
}
