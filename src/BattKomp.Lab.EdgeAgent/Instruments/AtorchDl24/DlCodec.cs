using System.Buffers;
using System.Buffers.Binary;
using BattKomp.Lab.EdgeAgent.Instruments.Frames;

namespace BattKomp.Lab.EdgeAgent.Instruments.AtorchDl24;

/// <summary>
/// Both protocols of the DL24, pure: the FF55 stream and PX-100 questions share one line, so one scanner takes them apart. Nothing here throws on any
/// received input.
/// </summary>
public static class DlCodec
{
    /// <summary>Type of an FF55 report, reply, command.</summary>
    public const byte Report = 0x01, Reply = 0x02, Command = 0x11;

    /// <summary>Bytes of an FF55 report.</summary>
    public const int ReportLength = 36;

    /// <summary>Bytes of a PX-100 order or question.</summary>
    public const int OrderLength = 6;

    private const int ReplyLength = 8, CommandLength = 10, ValueLength = 7;
    private const byte Acknowledged = 0x6F;

    /// <summary>The FF55 sum: all between the start and itself, low byte, exclusive-or 44.</summary>
    public static byte Checksum(ReadOnlySpan<byte> frame)
    {
        byte sum = 0;
        foreach (var b in frame[2..^1])
            sum += b;
        return (byte)(sum ^ 0x44);
    }

    /// <summary>Length of the FF55 frame that would begin here.</summary>
    public static int StreamLength(ReadOnlySpan<byte> head) => head switch
    {
        [0xFF] or [0xFF, 0x55] => FrameScanner.TooShort,
        [0xFF, 0x55, Report, ..] => ReportLength,
        [0xFF, 0x55, Reply, ..] => ReplyLength,
        [0xFF, 0x55, Command, ..] => CommandLength,
        _ => FrameScanner.NoFrame,
    };

    /// <summary>Takes the next piece; false when more must arrive.</summary>
    public static bool TryTake(ref ReadOnlySequence<byte> input, out DlPiece piece) => FrameScanner.TryTake(ref input, Length, Decode, out piece, out _);

    /// <summary>Reads a report of a DC meter; null when the frame is another or its sum is wrong.</summary>
    public static DlReport? ParseDc(ReadOnlySpan<byte> frame) =>
        frame.Length != ReportLength || frame[2] != Report || frame[3] != (byte)DlDevice.Dc || frame[^1] != Checksum(frame) ? null
        : new DlReport(Long(frame[4..]) / 10.0, Long(frame[7..]) / 1000.0, Long(frame[10..]) / 100.0, BinaryPrimitives.ReadUInt32BigEndian(frame[13..]) * 10.0,
            BinaryPrimitives.ReadUInt16BigEndian(frame[24..]), Seconds(frame[26..]), frame[30]);

    /// <summary>Hours in two bytes, minutes, seconds.</summary>
    public static int Seconds(ReadOnlySpan<byte> time) => (BinaryPrimitives.ReadUInt16BigEndian(time) * 3600) + (time[2] * 60) + time[3];

    /// <summary>A question, or an order with 16 bits.</summary>
    public static byte[] Px(PxCommand command, PxOrder order, int value = 0) => [0xB1, 0xB2, Number(command, order), (byte)(value >> 8), (byte)value, 0xB6];

    /// <summary>An order to set volts or amperes: whole part and hundredths in a byte each.</summary>
    public static byte[] PxDecimal(PxCommand command, PxOrder order, double value)
    {
        var hundredths = (int)Math.Round(value * 100);
        return Px(command, order, ((hundredths / 100) << 8) | (hundredths % 100));
    }

    /// <summary>The number of a command on a device of a known order.</summary>
    public static byte Number(PxCommand command, PxOrder order) => command switch
    {
        PxCommand.Output => 0x01,
        PxCommand.CutOff => order == PxOrder.Swapped ? (byte)0x03 : (byte)0x02,
        PxCommand.Current => order == PxOrder.Swapped ? (byte)0x02 : (byte)0x03,
        PxCommand.TimeOut => 0x04,
        PxCommand.Reset => 0x05,
        _ => (byte)(0x10 + (command - PxCommand.IsOn)),
    };

    /// <summary>Big-endian 24 bits.</summary>
    public static int Long(ReadOnlySpan<byte> bytes) => (bytes[0] << 16) | (bytes[1] << 8) | bytes[2];

    private static int Length(ReadOnlySpan<byte> head) => head[0] switch
    {
        0xFF => StreamLength(head),
        0xCA => head.Length < 2 ? FrameScanner.TooShort : head[1] == 0xCB ? ValueLength : FrameScanner.NoFrame,
        Acknowledged => 1,
        _ => FrameScanner.NoFrame,
    };

    private static bool Decode(ReadOnlySpan<byte> frame, out DlPiece piece)
    {
        piece = frame.Length switch
        {
            1 => new DlPiece(DlKind.Acknowledged, 0, null),
            ValueLength => new DlPiece(DlKind.Value, Long(frame[2..]), null),
            _ => new DlPiece(DlKind.Stream, 0, frame.ToArray()),
        };
        return frame.Length == 1 || (frame.Length == ValueLength ? frame is [.., 0xCE, 0xCF] : frame[^1] == Checksum(frame));
    }
}
