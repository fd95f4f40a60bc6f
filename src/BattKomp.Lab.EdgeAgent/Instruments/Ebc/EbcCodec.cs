using System.Buffers;

namespace BattKomp.Lab.EdgeAgent.Instruments.Ebc;

/// <summary>
/// The wire format, pure: <c>FA payload xor F8</c>, numbers as two base-240 digits (see README.md). Frames are found by length and both border bytes,
/// because the sum may itself equal a border byte. Nothing here throws on any input.
/// </summary>
public static class EbcCodec
{
    /// <summary>Bytes of a frame from the device.</summary>
    public const int ReportLength = 19;

    /// <summary>Bytes of a frame to the device.</summary>
    public const int CommandLength = 10;

    private const byte Start = 0xFA;
    private const byte End = 0xF8;
    private const int Base = 240;
    private const int FirmwareOffset = 100;
    private const double MaxVolt = 60;
    private const double MaxAmpere = 40;

    /// <summary>
    /// Takes the next report from what has arrived. Returns false when more bytes are needed; <paramref name="input"/> is advanced past everything
    /// decided so far, and <paramref name="skipped"/> counts bytes that belonged to no frame.
    /// </summary>
    public static bool TryReadReport(ref ReadOnlySequence<byte> input, out EbcReport report, out long skipped)
    {
        report = default;
        skipped = 0;
        Span<byte> frame = stackalloc byte[ReportLength];
        while (input.PositionOf(Start) is { } at)
        {
            skipped += input.Slice(0, at).Length;
            input = input.Slice(at);
            if (input.Length < ReportLength)
                return false;
            input.Slice(0, ReportLength).CopyTo(frame);
            if (TryDecodeReport(frame, out report))
            {
                input = input.Slice(ReportLength);
                return true;
            }
            input = input.Slice(1);
            skipped++;
        }
        skipped += input.Length;
        input = input.Slice(input.End);
        return false;
    }

    /// <summary>Decodes one report frame; false when it is none. A wrong sum over plausible data is kept and marked.</summary>
    public static bool TryDecodeReport(ReadOnlySpan<byte> frame, out EbcReport report) =>
        TryReadShape(frame, out report) && (report.ChecksumValid || Plausible(report));

    /// <summary>As <see cref="TryDecodeReport"/>, but a wrong sum is only marked, however odd the data: for captures.</summary>
    public static bool TryReadShape(ReadOnlySpan<byte> frame, out EbcReport report)
    {
        report = default;
        if (frame.Length != ReportLength || frame[0] != Start || frame[^1] != End)
            return false;
        var payload = frame[1..^2];
        var sound = Xor(payload) == frame[^2];
        var type = payload[0] >= FirmwareOffset ? payload[0] - FirmwareOffset : payload[0];
        if (type % 10 > 2 || type / 10 > 2 || !DigitsValid(payload))
            return false;
        var settings = new EbcSettings(Number(payload[9..]), Number(payload[11..]), Number(payload[13..]));
        var isFirmware = payload[0] >= FirmwareOffset;
        report = new EbcReport((EbcMode)(type % 10), (EbcPhase)(type / 10), Number(payload[1..]) / 100.0, Number(payload[3..]) / 1000.0,
            Number(payload[5..]) / 1000.0, isFirmware ? null : settings, isFirmware ? settings.First : null, payload[15], sound);
        return true;
    }

    /// <summary>Decodes one host frame; false when its shape is wrong.</summary>
    public static bool TryDecodeHost(ReadOnlySpan<byte> frame, out EbcHostFrame host)
    {
        host = default;
        if (frame.Length != CommandLength || frame[0] != Start || frame[^1] != End)
            return false;
        var payload = frame[1..^2];
        host = new EbcHostFrame(payload[0], new EbcSettings(Number(payload[1..]), Number(payload[3..]), Number(payload[5..])), Xor(payload) == frame[^2], payload.ToArray());
        return true;
    }

    /// <summary>Encodes an order without numbers, or the minute sync.</summary>
    public static byte[] Encode(EbcCommand command, int first = 0) => Frame((byte)command, new EbcSettings(first, 0, 0));

    /// <summary>Encodes a start, adjust or resume.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A number does not fit two digits.</exception>
    public static byte[] Encode(EbcCommand command, EbcMode mode, EbcSettings settings) => Frame((byte)((int)command | ((int)mode << 4)), settings);

    /// <summary>The sum: all payload bytes XORed.</summary>
    public static byte Xor(ReadOnlySpan<byte> payload)
    {
        byte sum = 0;
        foreach (var b in payload)
            sum ^= b;
        return sum;
    }

    private static byte[] Frame(byte code, EbcSettings settings)
    {
        var frame = new byte[CommandLength];
        frame[0] = Start;
        frame[1] = code;
        Digits(frame.AsSpan(2), settings.First);
        Digits(frame.AsSpan(4), settings.Second);
        Digits(frame.AsSpan(6), settings.Third);
        frame[^2] = Xor(frame.AsSpan(1, CommandLength - 3));
        frame[^1] = End;
        return frame;
    }

    private static int Number(ReadOnlySpan<byte> digits) => (digits[0] * Base) + digits[1];

    private static void Digits(Span<byte> to, int value)
    {
        if (value is < 0 or >= Base * Base)
            throw new ArgumentOutOfRangeException(nameof(value), value, "An EBC number has two base-240 digits: 0 to 57599.");
        to[0] = (byte)(value / Base);
        to[1] = (byte)(value % Base);
    }

    private static bool DigitsValid(ReadOnlySpan<byte> payload)
    {
        foreach (var digit in payload[1..15])
            if (digit >= Base)
                return false;
        return true;
    }

    private static bool Plausible(EbcReport report) =>
        report.Volt <= MaxVolt && report.Ampere <= MaxAmpere && EbcModel.Of(report.Model) is not null;
}
