using System.Buffers;
using System.Diagnostics;
using BattKomp.Lab.EdgeAgent.Instruments.AtorchDl24;
using BattKomp.Lab.EdgeAgent.Instruments.JbdUart;
using BattKomp.Lab.EdgeAgent.Instruments.Modbus;
using BattKomp.Lab.EdgeAgent.Instruments.VellemanK8090;
using CsCheck;
using Xunit;

namespace BattKomp.Lab.Tests.EdgeAgent.Instruments;

public class BinaryCodecTests
{
    private const int Kilobytes64 = 64 << 10;
    private static readonly ModbusRequest Question = ModbusRequest.Read(1, 0, 2);

    private delegate bool Take(ref ReadOnlySequence<byte> input);

    // A good frame, and what finds it; the bytes are facts of vectors modbus-rtu-tc038d-02, jbd-uart-05, velleman-k8090-04, atorch-ff55-04.
    private static readonly (string Name, byte[] Good, Take Take)[] Codecs =
    [
        ("modbus", Bytes("01 03 04 00 00 03 e8 fa 8d"), (ref ReadOnlySequence<byte> i) => ModbusCodec.TryTakeReply(ref i, Question, out var r) && r.Words is [0, 1000]),
        ("jbd", Bytes("dd 04 00 08 0f 45 0f 3d 0f 37 0f 3d fe c6 77"), (ref ReadOnlySequence<byte> i) => JbdCodec.TryTakeReply(ref i, 4, out var r) && r.Data.Length == 8),
        ("k8090", Bytes("04 51 01 15 80 15 0f"), (ref ReadOnlySequence<byte> i) => K8090Codec.TryTake(ref i, K8090Code.RelayStatus, out var p) && p.First == 0x15),
        ("dl24", Bytes("ff 55 01 02 00 00 20 00 4e 20 00 13 fc 00 00 00 11 00 00 00 00 00 00 00 00 25 00 02 21 1d 3c 00 00 00 00 16"),
            (ref ReadOnlySequence<byte> i) => TakeReport(ref i)),
    ];

    public static TheoryData<int> EachCodec => [.. Enumerable.Range(0, Codecs.Length)];

    [Theory]
    [MemberData(nameof(EachCodec))]
    public void Random_bytes_up_to_64_KB_never_throw_and_the_next_good_frame_is_found(int codec)
    {
        var (_, good, take) = Codecs[codec];
        // Enough good frames for the longest that noise can claim to be; at least one of them is found.
        var tail = Enumerable.Repeat(good, (600 / good.Length) + 2).SelectMany(b => b).ToArray();
        Gen.Select(Gen.Byte.Array[0, 4096], Gen.Int[1, 16], Gen.Int[1, 8192]).Sample((noise, repeat, cut) =>
            Found([.. Enumerable.Repeat(noise, repeat).SelectMany(b => b), .. tail], cut, take) > 0, iter: 200);
    }

    [Theory]
    [MemberData(nameof(EachCodec))]
    public void A_changed_byte_costs_few_frames_and_no_time(int codec)
    {
        var (_, good, take) = Codecs[codec];
        var frames = Kilobytes64 / good.Length;
        Gen.Select(Gen.Int[0, int.MaxValue], Gen.Int[100, 9000]).Sample((seed, cut) =>
        {
            var random = new Random(seed);
            var stream = Enumerable.Repeat(good, frames).SelectMany(b => b).ToArray();
            stream[random.Next(stream.Length - 600)] = (byte)random.Next(256);
            var started = Stopwatch.GetTimestamp();
            // What a changed length byte can claim, in frames.
            return Found(stream, cut, take) >= frames - 2 - (300 / good.Length) && Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(5);
        }, iter: 20);
    }

    [Theory]
    [MemberData(nameof(EachCodec))]
    public void The_start_of_a_frame_repeated_64_KB_long_ends_in_bounded_time(int codec)
    {
        var (_, good, take) = Codecs[codec];
        foreach (var length in new[] { 1, 2, 3, good.Length - 1 })
        {
            var stream = Enumerable.Repeat(good[..length], Kilobytes64 / length).SelectMany(b => b).ToArray();
            var started = Stopwatch.GetTimestamp();
            Found([.. stream, .. good, .. good], Kilobytes64, take);
            Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(5));
        }
    }

    [Fact]
    public void Our_questions_and_orders_are_the_captured_bytes()
    {
        Assert.Equal(Bytes("01 03 00 00 00 02 c4 0b"), ModbusCodec.Encode(Question));
        Assert.Equal(Bytes("01 10 01 0a 00 04 08 00 00 03 e8 ff ff fc 18 8d e9"), ModbusCodec.Encode(ModbusRequest.Write(1, 0x10A, [0, 1000, 0xFFFF, 0xFC18])));
        Assert.Equal(Bytes("01 06 00 12 00 01 e8 0f"), ModbusCodec.Encode(ModbusRequest.Write(1, 18, 1)));
        Assert.Equal(Bytes("d2 03 00 00 00 3e d7 b9"), ModbusCodec.Encode(ModbusRequest.Read(0xD2, 0, 62)));
        Assert.Equal(Bytes("dd a5 03 00 ff fd 77"), JbdCodec.Read(3));
        Assert.Equal(Bytes("dd 5a e1 02 00 01 ff 1c 77"), JbdCodec.Write(0xE1, [0, 1]));
        Assert.Equal(Bytes("04 11 05 00 00 e6 0f"), K8090Codec.Encode(K8090Code.SwitchOn, 5));
        Assert.Equal(Bytes("04 12 ff 00 00 eb 0f"), K8090Codec.Encode(K8090Code.SwitchOff, 0xFF));
        Assert.Equal(Bytes("b1 b2 02 03 00 b6"), DlCodec.PxDecimal(PxCommand.CutOff, PxOrder.Standard, 3.0));
        Assert.Equal(Bytes("b1 b2 03 03 00 b6"), DlCodec.PxDecimal(PxCommand.CutOff, PxOrder.Swapped, 3.0));
        Assert.Equal(Bytes("b1 b2 18 00 00 b6"), DlCodec.Px(PxCommand.SetCutOff, PxOrder.Standard));
    }

    [Fact]
    public void A_reply_of_another_unit_size_or_echo_answers_nothing()
    {
        foreach (var other in new[] { "02 03 04 00 00 03 e8", "01 04 04 00 00 03 e8", "01 03 02 03 e8", "01 10 00 00 00 02" })
        {
            var input = new ReadOnlySequence<byte>([.. ModbusCodec.WithCrc(Bytes(other)), .. Codecs[0].Good]);
            Assert.True(ModbusCodec.TryTakeReply(ref input, Question, out var reply));
            Assert.Equal((1, 1000), (reply.Unit, reply.Words[1]));
        }
        var write = ModbusRequest.Write(1, 18, 1);
        var echo = new ReadOnlySequence<byte>(ModbusCodec.Encode(ModbusRequest.Write(1, 18, 0)));
        Assert.False(ModbusCodec.TryTakeReply(ref echo, write, out _));
    }

    [Fact]
    public void Values_and_acknowledgements_are_taken_from_between_stream_frames()
    {
        // The six bytes 6f inside the stream frame are data, not acknowledgements.
        var stream = (byte[])Codecs[3].Good.Clone();
        stream.AsSpan(17, 6).Fill(0x6F);
        stream[^1] = DlCodec.Checksum(stream);
        var input = new ReadOnlySequence<byte>([0x6F, .. stream, .. Bytes("ca cb 00 0f 93 ce cf"), .. stream, 0x6F]);
        var kinds = new List<DlKind>();
        while (DlCodec.TryTake(ref input, out var piece))
        {
            kinds.Add(piece.Kind);
            if (piece.Kind == DlKind.Value)
                Assert.Equal(3987, piece.Value);
        }
        Assert.Equal([DlKind.Acknowledged, DlKind.Stream, DlKind.Value, DlKind.Stream, DlKind.Acknowledged], kinds);
    }

    private static bool TakeReport(ref ReadOnlySequence<byte> input)
    {
        while (DlCodec.TryTake(ref input, out var piece))
            if (piece.Kind == DlKind.Stream && DlCodec.ParseDc(piece.Bytes) is { Ampere: 20.0 })
                return true;
        return false;
    }

    private static int Found(byte[] bytes, int cut, Take take)
    {
        var found = 0;
        var waiting = Array.Empty<byte>();
        for (var at = 0; at < bytes.Length; at += cut)
        {
            waiting = [.. waiting, .. bytes.AsSpan(at, Math.Min(cut, bytes.Length - at))];
            // Two segments: what a pipe hands out is seldom one piece.
            var sequence = Segmented(waiting);
            while (take(ref sequence))
                found++;
            waiting = sequence.ToArray();
        }
        return found;
    }

    private static ReadOnlySequence<byte> Segmented(byte[] bytes)
    {
        var first = new Segment(bytes.AsMemory(0, bytes.Length / 2), null);
        var last = new Segment(bytes.AsMemory(bytes.Length / 2), first);
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private static byte[] Bytes(string hex) => Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, Segment? before)
        {
            Memory = memory;
            if (before is null)
                return;
            RunningIndex = before.RunningIndex + before.Memory.Length;
            before.Next = this;
        }
    }
}
