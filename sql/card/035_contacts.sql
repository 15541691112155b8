-- title: Contacts
-- title.zh: 联系人
-- text: The people at this company, and their roles.
-- text.zh: 该企业的联系人及其职务。
-- needs: contacts.customer_id, contacts.name, contacts.role
-- latest: true
-- chart: none
-- words.zh: name = 姓名, role = 职务
SELECT name, role FROM contacts WHERE customer_id = $customer ORDER BY role, name;
