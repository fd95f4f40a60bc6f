using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.V1;
using Google.Protobuf;

namespace BattKomp.Lab.Server.Features.Classes;

/// <summary>A class as stored, without its seats.</summary>
internal sealed record StoredClass(ClassBlock Message, string Holder, long OpensUs, long ClosesUs);

/// <summary>Rows of classes and seats.</summary>
internal static class ClassStore
{
    internal static Task InsertAsync(CalendarTransaction tx, StoredClass block, long nowUs, CancellationToken cancel) => tx.ExecuteAsync(
        "INSERT INTO class_blocks (name, series, holder, code, opens_us, closes_us, created_us, doc) VALUES (@n, @s, @h, @c, @o, @e, @t, @d)", cancel,
        ("n", block.Message.Name), ("s", block.Message.Series), ("h", block.Holder), ("c", block.Message.JoinCode), ("o", block.OpensUs), ("e", block.ClosesUs), ("t", nowUs), ("d", block.Message.ToByteArray()));

    /// <summary>By name, series or code; locked where seats are counted.</summary>
    internal static async Task<StoredClass?> FindAsync(CalendarTransaction tx, string column, string value, bool forUpdate, CancellationToken cancel) => (await tx.QueryAsync(
        $"SELECT doc, holder, opens_us, closes_us FROM class_blocks WHERE {column} = @v{(forUpdate && tx.Dialect == "postgres" ? " FOR UPDATE" : "")}",
        r => new StoredClass(ClassBlock.Parser.ParseFrom(r.GetFieldValue<byte[]>(0)), r.GetString(1), r.GetInt64(2), r.GetInt64(3)), cancel, ("v", value))).SingleOrDefault();

    internal static Task<List<ClassSeat>> SeatsAsync(CalendarTransaction tx, string block, CancellationToken cancel) => tx.QueryAsync(
        "SELECT alias, group_number, joined_us FROM class_seats WHERE block = @b ORDER BY joined_us, alias",
        r => new ClassSeat { Alias = r.GetString(0), Group = r.GetInt32(1), JoinTime = BookingTimes.Stamp(r.GetInt64(2)) }, cancel, ("b", block));

    internal static Task SeatAsync(CalendarTransaction tx, string block, ClassSeat seat, long nowUs, CancellationToken cancel) => tx.ExecuteAsync(
        "INSERT INTO class_seats (block, alias, group_number, joined_us) VALUES (@b, @a, @g, @t)", cancel, ("b", block), ("a", seat.Alias), ("g", seat.Group), ("t", nowUs));
}
